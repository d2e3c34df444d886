// Package readmodeltest is the conformance suite of the read model's stores:
// what [readmodel.Reader], [readmodel.Distributions], [readmodel.Writer],
// [readmodel.Leases], [readmodel.Snapshots], [readmodel.Builds], [readmodel.Mending]
// and [readmodel.Operations] promise, one named subtest for each rule. The contract
// leaves nothing to the adapters, so there are no options: every store passes
// every rule.
package readmodeltest
