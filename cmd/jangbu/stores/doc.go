// Package stores leads from flags and environment variables to what keeps or carries
// events: which database holds the log, its rows and the campaigns' keys, where the master
// key is, and what the topics are called. Every command that needs one of them embeds
// the same flags and opens it here, so that all commands and the service find the same.
//
// [Config.LogPlace] and [Config.RowsPlace] decide where the log and the rows are: their own
// URL, else the database's, else SQLite in the data directory. A key is made up only beside
// a log on SQLite; anywhere else another process has to know it too.
//
// It promises that no error and no line that it returns holds a password, and that a
// command that only looks makes no store ([Config.WithLog], [Config.WithServed]).
//
// A flag that cannot be used is reported by the Check methods before anything is opened; a
// store that is not there is [cli.ErrNothing].
package stores
