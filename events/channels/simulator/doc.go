// Package simulator stands in for the three channel APIs: 우리동네TV, 지니TV and
// the social networks, each a server of its own with its path, key, JSON and
// certificate, and each with faults that can be ordered of it.
//
// Figures depend on the campaign's id and the time alone: they start at what a
// channel reports in an hour and only grow, so that any number of simulators and
// restarts tell the same. Every campaign is known to it.
//
// # Faults
//
//	hang               reads the request and never answers
//	slow-header        a head that never ends, a byte each 50 ms
//	slow-body          a head at once, a body that never ends, a byte each 50 ms
//	reset              half of the body that was announced, then RST
//	500                500
//	503-seconds        503, Retry-After: 2
//	503-date           503, Retry-After: the date in 2 s, rounded up to the second
//	503-absurd         503, Retry-After: 999999999999
//	429                429, Retry-After: 1
//	redirect           302 to a path of the same server that answers, wrongly
//	redirect-metadata  302 to the metadata service of a cloud's machines
//	content-type       text/html
//	truncated          the first part of the JSON, as if it were all of it
//	nested             another member comes first, 10,000 arrays deep
//	duplicate-keys     each figure twice, with two values
//	negative           a figure of -1
//	shrinking          half of every figure
//	too-large          a figure of 2^53+1
//	gzip-bomb          1 MiB of gzip that unpacks to 1 GiB, asked for or not
//	huge-body          1 GiB, most of it white space
//	tls-expired        a certificate that expired an hour before the start
//	tls-wrong-host     a certificate for another host
//	slow-accept        connections are made but nothing is read from them
//
// The figures in faulty answers are wrong on purpose: 900,000,000,000, unless
// the fault is about the figure. A client that believes any part of such an
// answer, or of one behind a certificate that it should have refused, shows it.
// Shrinking is no outage. It is a valid report, of half of what is true.
//
// A wrong key is refused under every fault that gets so far.
//
// # Control
//
// Another process orders faults over HTTP, on a port of its own:
//
//	GET /         {"genietv":{"fault":"","calls":12}, ...}
//	PUT /{api}    the fault's name as text; none ends the fault
//	DELETE /{api} ends the fault
//
// All servers listen on this machine only. The authority behind the certificates
// is made at the start, kept in memory and given out by [Simulator.Roots] and
// [Simulator.RootsPEM].
package simulator
