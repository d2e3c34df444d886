// Package synthetic generates realistic traffic: campaigns of small shops, the
// registrations that they draw, and what channels report about them, as records
// in wire form.
//
// It is pure. The same configuration gives the same bytes, on every machine:
// randomness comes from the seed and time from the configuration, one interval
// per record. Popularity follows a Zipf law, as it does in life.
//
// It tells the truth that it knows: [Generator.Expected] is what a pipeline must
// show once it has taken in every record that was handed out, duplicates and
// malformed records among them, however they were delivered.
package synthetic
