// Package traffic is the commands that make traffic: simulate publishes seeded records to any
// brokers, demo runs a whole service in a temporary directory and shows it working, with
// simulated channels that chaos makes fail.
//
// Equal seeds make equal campaigns and people, and simulate prints what a log must show for
// what it published (I5). A demo leaves nothing behind.
//
// A broker that cannot be reached ends the command with an error; a simulated channel that
// fails is what the demo is for, and ends nothing.
package traffic
