// Package synthetic generates realistic traffic: campaigns of small shops, their
// registrations, and what channels report about them, as records in wire form. It owns
// the generator and the numbers that its records lead to.
//
// It is pure: the same configuration gives the same bytes on every machine. Randomness
// comes from the seed, and time from the configuration, one interval per record. The
// popularity of campaigns follows a Zipf law. A [Showcase] is the traffic of a few shops as
// their owners would believe it.
//
// It promises that [Generator.Expected] is what a pipeline shows once it has taken in
// every record that was returned, duplicates and malformed records among them, in
// whatever order they were delivered. Only the configuration can fail: [New] returns one
// error for each wrong field.
package synthetic
