package dashboard

import (
	"math/big"
	"strconv"
)

// percent returns part as a percentage of whole, rounded once, halves away from zero: to two
// decimals, and below 0.01 % to two significant digits, so that few of very many are not 0.
// It is nil where whole is 0. It computes with integers, so it loses no precision and never
// returns Inf or NaN (I11).
func percent(part, whole int64) *float64 {
	if whole == 0 {
		return nil
	}
	n := new(big.Int).Mul(big.NewInt(part), big.NewInt(100))
	exact := new(big.Rat).SetFrac(n, big.NewInt(whole))
	digits := 2
	if part != 0 && abs(part) <= abs(whole)/10_000 { // about 0.01 % or less
		digits = decimals(exact)
	}
	p, _ := strconv.ParseFloat(exact.FloatString(digits), 64) // a decimal is a float
	return &p
}

// decimals returns to how many decimals a percentage that is not 0 is rounded.
func decimals(exact *big.Rat) int {
	size, limit, tenth := new(big.Rat).Abs(exact), big.NewRat(1, 100), big.NewRat(1, 10)
	if size.Cmp(limit) >= 0 {
		return 2
	}
	n := 3 // 0.00x has its second significant digit in the fourth decimal
	for ; size.Cmp(limit) < 0; n++ {
		limit.Mul(limit, tenth)
	}
	return n
}
