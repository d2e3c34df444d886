package dashboard

import "math/big"

// percent returns part as a percentage of whole, rounded to two decimals, halves
// away from zero; nil where whole is 0. It computes with integers, so it loses no precision
// and never returns Inf or NaN (I11).
func percent(part, whole int64) *float64 {
	if whole == 0 {
		return nil
	}
	// Hundredths of a percent: part × 10,000 / whole, and a half to round by.
	n := new(big.Int).Mul(big.NewInt(part), big.NewInt(10_000))
	d := big.NewInt(whole)
	negative := n.Sign()*d.Sign() < 0
	n.Abs(n).Lsh(n, 1).Add(n, d.Abs(d))
	n.Quo(n, d.Lsh(d, 1))
	if negative {
		n.Neg(n)
	}
	p, _ := new(big.Rat).SetFrac(n, big.NewInt(100)).Float64()
	return &p
}
