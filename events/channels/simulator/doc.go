// Package simulator stands in for the three channel APIs: 우리동네TV, 지니TV and
// the social networks, with their paths, keys and JSON.
//
// Figures depend on the campaign's id and the time alone: they start at what a
// channel reports in an hour and only grow, so that any number of simulators and
// restarts tell the same. Every campaign is known to it.
package simulator
