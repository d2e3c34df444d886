package pgrows

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"
)

// TestVersionOfViews holds that a change of views.sql raises viewsVersion, without which databases
// keep those they have: then write the new checksum here.
func TestVersionOfViews(t *testing.T) {
	t.Parallel()
	sum := sha256.Sum256([]byte(views))
	if got := hex.EncodeToString(sum[:8]); got != "b8b535734a346163" || viewsVersion != 1 {
		t.Errorf("version %d has checksum %s", viewsVersion, got)
	}
}
