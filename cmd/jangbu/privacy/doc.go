// Package privacy is the command that keeps persons private: erase forgets a person, or links
// no phone number of a campaign any more.
//
// It promises that no total changes, that everything that is done is recorded with who, why
// and when, and that the same command goes on with one that was killed (I10).
//
// Its help says with which code each command exits.
package privacy

// Command erases persons.
type Command struct {
	Erase eraseCommand `cmd:"" help:"Forget a person in a campaign, or all phone numbers of a campaign."`
}
