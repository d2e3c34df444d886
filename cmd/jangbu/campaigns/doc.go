// Package campaigns is the commands about what a campaign is: show prints each description
// that the log holds of it, move gives it to another shop.
//
// It promises that nothing is changed but by an event, which says who did it and why, and
// that a campaign that moves keeps its last description (I4).
//
// Its help says with which code each command exits.
package campaigns
