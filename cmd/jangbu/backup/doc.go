// Package backup is the commands backup and restore: a copy of everything that cannot be folded or
// read again, made beside running services, and put where there is nothing.
//
// It promises that who copies is recorded before it begins, that no master key is copied, and that
// neither command says that it is done before everything is durable and was proved. README.md says
// what to keep apart, and how PostgreSQL's own tools do the same.
//
// Its help says with which code each command exits.
package backup
