package dashboard

import (
	"strconv"
	"strings"
)

// AcceptsGzip reports whether the fields of Accept-Encoding allow gzip (RFC 9110, section
// 12.5.3): by its name, or where that is not there by "*". A coding whose weight is no weight is
// not accepted.
func AcceptsGzip(fields []string) bool {
	var gzip, any, named bool
	for _, field := range fields {
		for coding := range strings.SplitSeq(field, ",") {
			name, params, _ := strings.Cut(coding, ";")
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "gzip":
				named, gzip = true, gzip || accepted(params)
			case "*":
				any = any || accepted(params)
			}
		}
	}
	if named {
		return gzip
	}
	return any
}

// accepted reports whether the parameters of a coding give it a weight above 0.
func accepted(params string) bool {
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(param), "=")
		if strings.EqualFold(strings.TrimSpace(name), "q") {
			weight, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			return err == nil && weight > 0 && weight <= 1
		}
	}
	return true
}
