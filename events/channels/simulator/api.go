package simulator

import (
	"fmt"
	"net/http"
	"strings"
)

// API names one of the three channel APIs.
type API string

// The channel APIs.
const (
	WooridongneTV API = "wooridongnetv"
	GenieTV       API = "genietv"
	SNS           API = "sns"
)

// APIs returns all of them.
func APIs() []API { return []API{WooridongneTV, GenieTV, SNS} }

// contract is the contract of an API with its callers.
type contract struct {
	// pattern is the path that it serves, as an [http.ServeMux] pattern.
	pattern string
	// key returns the caller's key.
	key     func(http.Header) string
	figures []figure
}

func (a API) contract() contract {
	switch a {
	case WooridongneTV:
		return contract{"GET /stats/{campaign}", apiKey, []figure{
			{"", "impressions", "wooridongnetv/impressions", 5000},
			{"", "views", "wooridongnetv/views", 1200},
		}}
	case GenieTV:
		return contract{"GET /campaign/{campaign}/stats", apiKey, []figure{
			{"", "adImpressions", "genietv/impressions", 10000},
			{"", "clicks", "genietv/clicks", 500},
		}}
	case SNS:
		return contract{"GET /posts/{campaign}/insights", bearer, []figure{
			{"instagram", "likes", "instagram/likes", 300},
			{"instagram", "comments", "instagram/comments", 50},
			{"naver", "views", "naver/views", 2000},
			{"kakao", "shares", "kakao/shares", 100},
		}}
	default:
		panic(fmt.Sprintf("simulator: there is no API %q", a))
	}
}

func apiKey(h http.Header) string { return h.Get("X-API-Key") }

func bearer(h http.Header) string {
	scheme, token, _ := strings.Cut(h.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return token
}
