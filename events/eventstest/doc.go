// Package eventstest is the conformance suite of events.Log, events.DeadLetters,
// events.DeadLetterOffice, events.Restorer and events.Keys. An adapter passes [TestLog]
// and [TestKeys], or it is none.
//
// Each theme of the contract is one file, each rule a named subtest on a store
// of its own. In what adapters may differ is data in [Adapter]; the suite never
// asks which of them it is testing.
package eventstest
