package service

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"jangbu/httpapi"
)

// requestMetrics count what the read API is asked.
type requestMetrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

func newRequestMetrics() requestMetrics {
	return requestMetrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "jangbu_http_requests_total", Help: "Requests to the read API that have been answered.",
		}, []string{"route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "jangbu_http_request_seconds", Help: "How long an answer of the read API took; of a stream, how long it was open.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5},
		}, []string{"route"}),
	}
}

// observe notes a request that has been answered.
func (m requestMetrics) observe(o httpapi.Observation) {
	route := o.Route
	if route == "" {
		route = "none"
	}
	m.requests.WithLabelValues(route, strconv.Itoa(o.Status)).Inc()
	m.seconds.WithLabelValues(route).Observe(o.Took.Seconds())
}
