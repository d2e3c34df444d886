package health

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"jangbu/httpapi"
)

// Requests are the metrics of the requests to the read API.
type Requests struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

// NewRequests returns metrics of which none has been counted.
func NewRequests() Requests {
	return Requests{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "jangbu_http_requests_total", Help: "Requests to the read API that have been answered.",
		}, []string{"route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "jangbu_http_request_seconds", Help: "Duration of a request to the read API; of a stream, how long it was open.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5},
		}, []string{"route"}),
	}
}

// Observe counts a request that has been answered.
func (m Requests) Observe(o httpapi.Observation) {
	route := o.Route
	if route == "" {
		route = "none"
	}
	m.requests.WithLabelValues(route, strconv.Itoa(o.Status)).Inc()
	m.seconds.WithLabelValues(route).Observe(o.Took.Seconds())
}

// Describe implements [prometheus.Collector].
func (m Requests) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(m, ch) }

// Collect implements [prometheus.Collector].
func (m Requests) Collect(ch chan<- prometheus.Metric) {
	m.requests.Collect(ch)
	m.seconds.Collect(ch)
}
