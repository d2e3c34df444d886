package simulator

import "slices"

// Fault is a way in which an API misbehaves. The package's documentation describes each.
type Fault string

// The faults.
const (
	Hang             Fault = "hang"
	SlowHeader       Fault = "slow-header"
	SlowBody         Fault = "slow-body"
	Reset            Fault = "reset"
	Status500        Fault = "500"
	Status503Seconds Fault = "503-seconds"
	Status503Date    Fault = "503-date"
	Status503Absurd  Fault = "503-absurd"
	Status429        Fault = "429"
	Redirect         Fault = "redirect"
	RedirectMetadata Fault = "redirect-metadata"
	ContentType      Fault = "content-type"
	Truncated        Fault = "truncated"
	Nested           Fault = "nested"
	DuplicateKeys    Fault = "duplicate-keys"
	Negative         Fault = "negative"
	Shrinking        Fault = "shrinking"
	TooLarge         Fault = "too-large"
	GzipBomb         Fault = "gzip-bomb"
	HugeBody         Fault = "huge-body"
	TLSExpired       Fault = "tls-expired"
	TLSWrongHost     Fault = "tls-wrong-host"
	SlowAccept       Fault = "slow-accept"
)

// Faults returns all of them.
func Faults() []Fault {
	return []Fault{
		Hang, SlowHeader, SlowBody, Reset,
		Status500, Status503Seconds, Status503Date, Status503Absurd, Status429,
		Redirect, RedirectMetadata,
		ContentType, Truncated, Nested, DuplicateKeys, Negative, Shrinking, TooLarge,
		GzipBomb, HugeBody,
		TLSExpired, TLSWrongHost, SlowAccept,
	}
}

// known reports whether f is a fault, or "", which ends one.
func (f Fault) known() bool { return f == "" || slices.Contains(Faults(), f) }
