package sqliterows

import (
	"context"
	"database/sql"
	_ "embed" // views.sql
	"fmt"
	"regexp"
	"strings"
	"time"
)

//go:embed views.sql
var views string

const (
	findView = `
SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'view' AND name = ?1 AND sql = ?2)`

	setMoment = `
UPDATE store
SET moment = ?1
WHERE id = 1`

	// percent is PART as a percentage of WHOLE, which is not negative, exactly as the page rounds
	// it. No product may be beyond 64 bits, so the quotient is whole first, and then its next four
	// digits: near is what floating point makes of them, at most one beside the truth, and rest is
	// what that leaves, computed in halves of 32 bits. A tiny percentage has its two digits
	// computed likewise, from as many tens as fit. Up to 2^53 hundredths the division is that of
	// two exact numbers. Above, a hundredth is less than what a float tells apart: 256ths, the
	// last of which says that there is more, are rounded once, in an addition of exact numbers.
	percent = `CAST((
    SELECT CASE WHEN part < 0 THEN -1 ELSE 1 END * CASE
        WHEN tiny THEN digits / CAST(tens AS REAL)
        WHEN size / whole < 800000000000 THEN (size / whole * 10000 + digits) / 100.0
        ELSE ((size / whole >> 32) * 25600 * 4294967296.0
            + ((size / whole & 4294967295) * 25600 + digits / 100 * 256 + digits % 100 * 128 / 100 * 2 + (digits % 100 * 128 % 100 > 0))) / 256
    END
    FROM (
        SELECT *, near + (rest >= whole - rest) - (rest + whole < -rest) AS digits
        FROM (
            SELECT *, ((above >> 32) * times - (whole >> 32) * near) * 4294967296 + (above & 4294967295) * times - (whole & 4294967295) * near AS rest
            FROM (
                SELECT *, CAST(1.0 * above / whole * times + 0.5 AS INTEGER) AS near
                FROM (
                    SELECT *, CASE WHEN tiny THEN size * tens ELSE size % whole END AS above, CASE WHEN tiny THEN 100 ELSE 10000 END AS times
                    FROM (
                        SELECT *, part <> 0 AND size <= (whole - 1) / 10000 AS tiny,
                            CAST('1' || substr('000000000000000000', 1, length((whole - 1) / size) - 1) AS INTEGER) AS tens
                        FROM (SELECT *, abs(part) AS size FROM (SELECT $1 AS part, $2 AS whole))
                    )
                )
            )
        )
    )
) AS REAL)`

	// perHead is a cost for each of the participants, halves away from zero.
	perHead = `CAST(CASE WHEN participants > 0
        THEN $1 / participants + ($1 % participants >= participants - $1 % participants) END AS INTEGER)`

	// exactSum is the sum of a column that is not negative, in halves of 32 bits; NULL where it is
	// NULL in all rows, or the sum is not below 2^63. SQLite's own sum fails there.
	exactSum = `CASE WHEN sum($1 >> 32) + (sum($1 & 4294967295) >> 32) < 2147483648
        THEN (sum($1 >> 32) << 32) + sum($1 & 4294967295) END`

	// kst is a time in Seoul as text, to the second that has begun.
	kst = `CAST(strftime('%Y-%m-%dT%H:%M:%S+09:00', ($1 - ($1 % 1000000 + 1000000) % 1000000) / 1000000, 'unixepoch', '+9 hours') AS TEXT)`
)

// writtenOut returns views.sql with its functions written out.
func writtenOut() string {
	text := views
	for _, f := range []struct{ call, as string }{
		{`\bpercent\(([^(),]+), ([^(),]+)\)`, percent},
		{`\bper_head\(([^(),]+)\)`, perHead},
		{`\bexact_sum\(([^(),]+)\)`, exactSum},
		{`\bkst\(([^(),]+)\)`, kst},
	} {
		text = regexp.MustCompile(f.call).ReplaceAllString(text, strings.ReplaceAll(strings.ReplaceAll(f.as, "$1", "${1}"), "$2", "${2}"))
	}
	return text
}

// SetMoment says as of when the rows are. The views say then whether a campaign has begun and ended
// by that time, in the place of now.
func (s *Store) SetMoment(ctx context.Context, at time.Time) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, setMoment, at.UnixMicro())
		return err
	})
	if err != nil {
		return fmt.Errorf("set the moment of the rows: %w", err)
	}
	return nil
}

// createViews makes the views that are missing, and those of another program anew.
func createViews(ctx context.Context, tx *sql.Tx) error {
	const begin = "CREATE VIEW "
	_, text, _ := strings.Cut(writtenOut(), "\n"+begin)
	for view := range strings.SplitSeq(text, "\n"+begin) {
		name, _, _ := strings.Cut(view, " ")
		view = begin + strings.TrimSuffix(strings.TrimSpace(view), ";")
		var there bool
		if err := tx.QueryRowContext(ctx, findView, name, view).Scan(&there); err != nil {
			return err
		}
		if there {
			continue
		}
		if _, err := tx.ExecContext(ctx, "DROP VIEW IF EXISTS "+name+";\n"+view); err != nil {
			return fmt.Errorf("view %s: %w", name, err)
		}
	}
	return nil
}
