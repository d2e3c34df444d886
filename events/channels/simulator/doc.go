// Package simulator simulates the three channel APIs for tests and demonstrations:
// 우리동네TV, 지니TV and the social networks. It owns a server for each, with its path, key,
// JSON and certificate, the faults that each can be ordered to have, and the counts that
// tests read.
//
// It promises that a figure is a function of the campaign's id and the time alone, unless
// [Config.Figure] knows it. It starts at what a channel reports in an hour and only grows,
// so all simulators report the same, after a restart too. Every campaign id is known to it.
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
//	truncated          the first part of the JSON, with its length as Content-Length
//	nested             an additional first member, 10,000 arrays deep
//	duplicate-keys     each figure twice, with two values
//	negative           a figure of -1
//	shrinking          half of every figure
//	too-large          a figure of 2^53+1
//	gzip-bomb          1 MiB of gzip that unpacks to 1 GiB, asked for or not
//	huge-body          1 GiB, most of it white space
//	tls-expired        a certificate that expired an hour before the start
//	tls-wrong-host     a certificate for another host
//	slow-accept        connections open but nothing is read from them
//
// The figures in faulty answers are wrong on purpose: 900,000,000,000, unless the fault
// concerns the figure. A client that accepts any part of such an answer, or of one behind
// an invalid certificate, shows that number. Shrinking is no outage: it is a valid report
// of half of the true figures.
//
// A wrong key is refused under every fault that reads the request.
//
// # Control
//
// Another process orders faults over HTTP, on a port of its own:
//
//	GET /         {"genietv":{"fault":"","calls":12}, ...}
//	PUT /{api}    the fault's name as text; an empty body ends the fault
//	DELETE /{api} ends the fault
//
// All servers listen on this machine only. The authority of their certificates is made at
// the start and kept in memory; [Simulator.Roots] and [Simulator.RootsPEM] return it.
//
// Failures: [Start] fails where no port is free. A server that stops later logs its error.
// An API or a fault that does not exist panics in a method, and is refused over HTTP.
package simulator
