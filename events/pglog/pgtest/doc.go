// Package pgtest gives each test a PostgreSQL database of its own, and the other
// services that scripts/services finds, starts or installs.
//
// It needs JANGBU_TEST_DATABASE_URL, the URL of a server's database as a role
// that may create others; ./scripts/test starts a throw-away server and sets
// it. Without it tests that need PostgreSQL are skipped, and say so; under
// CI=true they fail, so that a build cannot pass by leaving them out. It is the
// same with every [Service].
package pgtest
