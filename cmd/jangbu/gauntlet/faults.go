package gauntlet

// The faults that fire at random moments.
const (
	FaultProcessKill   = "process killed"
	FaultProcessTerm   = "process stopped" // by SIGTERM, as a rollout does
	FaultProcessFreeze = "process frozen"
	FaultBrokerKill    = "broker killed"
	FaultBrokerFreeze  = "broker frozen"
	FaultPostgresKill  = "PostgreSQL killed"
	FaultFailover      = "PostgreSQL failed over" // to a standby that lags
	FaultRedisKill     = "Redis killed"
	FaultRedisFreeze   = "Redis frozen"
	FaultCut           = "connections cut"
	FaultSlow          = "connections slowed"
	FaultHalfOpen      = "connections half open"
	FaultBrokerCut     = "connections to a broker cut"
	FaultBrokerSlow    = "connections to a broker slowed"
	FaultBrokerSilent  = "connections to a broker half open"
	FaultDiskFull      = "disk full"
	FaultClockForward  = "clock stepped forward"
	FaultClockBack     = "clock stepped back"
	FaultChannel       = "channel API faulty"
	FaultAborted       = "transaction aborted"
)

// StopsAll reports whether nothing can be appended while the fault lasts.
func StopsAll(fault string) bool {
	switch fault {
	case FaultPostgresKill, FaultFailover, FaultDiskFull, FaultCut, FaultHalfOpen:
		return true
	default:
		return false
	}
}

// loses reports whether the fault takes back what was committed last: of a log that fails over to
// a standby that lags, or of rows, whose commits do not wait for the disk.
func loses(fault string) bool {
	return fault == FaultFailover || fault == FaultPostgresKill || fault == FaultDiskFull
}

// The operations that operators do meanwhile.
const (
	OperationRebuild  = "rebuild"
	OperationReset    = "reset"
	OperationRollback = "rollback"
	OperationPause    = "pause and resume"
	OperationWithdraw = "withdraw"
	OperationUndo     = "undo a withdrawal"
	OperationErase    = "erase"
	OperationMove     = "move"
	OperationExport   = "export"
	OperationBackup   = "backup and restore"
	OperationVerify   = "verify"
	OperationRetry    = "retry dead letters"
	OperationDiscard  = "discard dead letters"
	OperationReplay   = "replay"
)
