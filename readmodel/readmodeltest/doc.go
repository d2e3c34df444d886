// Package readmodeltest is the conformance suite of [readmodel.Store].
//
// # Owns
//
// One named subtest for each rule of the contract, benchmarks of what a runner and a
// dashboard do, and the table of [Extra] rows, which no projection folds: a store passes
// with it only if the table descriptors alone say which tables it has.
//
// # Invariants
//
// Every store passes every rule: there are no options, and no rule asks which store it
// tests. Each subtest has a database of its own.
//
// # Failure
//
// A rule that does not hold fails its subtest and no other.
package readmodeltest
