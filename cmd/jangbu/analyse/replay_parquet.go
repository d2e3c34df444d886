package analyse

import (
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"
)

// numbersRow is a campaign's four numbers as a row of a Parquet file. The columns are named
// as in JSON.
type numbersRow struct {
	Campaign     string   `parquet:"eventId"`
	Title        *string  `parquet:"title"`
	Participants int64    `parquet:"totalParticipants"`
	Exposure     *int64   `parquet:"totalExposure"`
	ROI          *float64 `parquet:"roiPercent"`
	Growth       *float64 `parquet:"salesGrowthPercent"`
}

// assumedRow is a numbersRow with what the assumptions change.
type assumedRow struct {
	numbersRow
	ROIIf    *float64 `parquet:"whatIfRoiPercent"`
	GrowthIf *float64 `parquet:"whatIfSalesGrowthPercent"`
}

func (r replayedReport) numbers() numbersRow {
	return numbersRow{
		string(r.Campaign), r.Title, r.Summary.TotalParticipants, r.Summary.TotalExposure,
		r.Summary.ROIPercent, r.Summary.SalesGrowthPercent,
	}
}

// parquet writes one row for each campaign.
func (r replayed) parquet(to io.Writer, assumed bool) error {
	if assumed {
		return writeRows(to, r.Campaigns, func(c replayedReport) assumedRow {
			return assumedRow{c.numbers(), c.WhatIf.Summary.ROIPercent, c.WhatIf.Summary.SalesGrowthPercent}
		})
	}
	return writeRows(to, r.Campaigns, replayedReport.numbers)
}

func writeRows[R any](to io.Writer, campaigns []replayedReport, row func(replayedReport) R) error {
	rows := make([]R, len(campaigns))
	for i, c := range campaigns {
		rows[i] = row(c)
	}
	w := parquet.NewGenericWriter[R](to, parquet.Compression(&parquet.Zstd))
	_, err := w.Write(rows)
	if err = errors.Join(err, w.Close()); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}
