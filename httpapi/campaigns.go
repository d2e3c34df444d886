package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"jangbu/events"
	"jangbu/httpapi/auth"
	"jangbu/readmodel"
	"jangbu/readmodel/dashboard"
)

// errNoShop is the error for a shop that does not exist or that the caller may not see.
var errNoShop = errors.New("shop not found")

// listEvents serves a shop's campaigns with their four numbers, page by page.
func (a *API) listEvents(w http.ResponseWriter, r *http.Request, caller auth.Identity) error {
	id, err := pathID(r, "storeId")
	shop := events.Shop(id)
	if err != nil || !caller.Scope().AllowsShop(shop) {
		return errNoShop
	}
	query, err := queryOf(r, "sort", "order", "title", "limit", "cursor", "tz")
	if err != nil {
		return err
	}
	listing := dashboard.Listing{Order: dashboard.ByCampaign, Title: query.Get("title"), After: query.Get("cursor")}
	if query.Has("sort") {
		listing.Order = dashboard.CardOrder(query.Get("sort"))
	}
	switch order := query.Get("order"); {
	case order == "desc":
		listing.Descending = true
	case order != "asc" && query.Has("order"):
		return badRequest{"order: expected asc or desc"}
	}
	if query.Has("limit") {
		if listing.Limit, err = strconv.Atoi(query.Get("limit")); err != nil || listing.Limit < 1 {
			return badRequest{"limit: expected a number from 1 to 200"}
		}
	}
	view, err := a.view(query)
	if err != nil {
		return err
	}
	rec := recording(w)
	rec.leave() // it holds no share while it waits
	leave, err := a.limits.lists.take(r.Context(), rec.party.name())
	if err != nil {
		return err
	}
	defer leave()
	ctx, cancel := readRows(r.Context())
	defer cancel()
	rows, err := a.shopRows(ctx, shop, listing, caller)
	if err != nil {
		return err
	}
	if len(rows) > 0 {
		showed(w, "", shop)
	}
	cards, next, err := dashboard.Cards(rows, view, listing)
	if err != nil {
		return err
	}
	page := struct {
		Shop  events.Shop      `json:"storeId"`
		Cards []dashboard.Card `json:"events"`
		Next  *string          `json:"next"`
	}{Shop: shop, Cards: cards}
	if next != "" {
		page.Next = &next
	}
	return writePrivate(w, r, page)
}

// shopRows reads the campaigns of a listing's page or, where the rows have not its order, all of the
// shop.
func (a *API) shopRows(ctx context.Context, shop events.Shop, listing dashboard.Listing, caller auth.Identity) ([]readmodel.ShopCampaign, error) {
	page, ok, err := listing.Page()
	switch {
	case err != nil:
		return nil, err
	case ok:
		return a.cfg.Reader.ShopPage(ctx, shop, page, caller.Scope())
	default:
		return a.cfg.Reader.ShopCampaigns(ctx, shop, caller.Scope())
	}
}
