// Package eventstest is the conformance suite of events.Log, events.DeadLetters
// and events.Keys. An adapter passes [TestLog] and [TestKeys].
//
// Each theme of the contract is one file, each rule a named subtest on a store
// of its own. Differences between adapters are data in [Adapter]; the suite
// never asks which adapter it tests.
package eventstest
