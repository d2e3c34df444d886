package cli

import (
	"fmt"
	"time"
)

// Seoul returns the time zone in which times are printed for people.
func Seoul() (*time.Location, error) {
	location, err := time.LoadLocation("Asia/Seoul")
	if err != nil {
		return nil, fmt.Errorf("load time zone: %w", err)
	}
	return location, nil
}
