package events

import (
	"strconv"
	"strings"
)

// Namer returns what takes the place of an id of a campaign or shop that is or holds what
// identifies a person. It returns the same for the same id, another for another one, and nothing
// that leads back without a secret: a number can be guessed. Nil lets ids stay.
type Namer func(id string) string

// id returns the id, or its replacement where it identifies a person.
func (n Namer) id(id string) string {
	if n == nil || PersonalInID(id) == NothingPersonal {
		return id
	}
	return n(id)
}

// RedactID returns the id, or what name makes of it where it identifies a person.
func RedactID[T ~string](id T, name Namer) T { return T(name.id(string(id))) }

// RedactText returns a text beside the events, such as a reason: with the ids in it that are
// quoted as by %q redacted, and with three asterisks in the place of what else identifies a person.
func RedactText(text string, name Namer) string { return redactQuoted(text, name, MaskPersonal) }

// RedactWho is [RedactText] for who did something, or a text that says it, where a mail address may be.
func RedactWho(text string, name Namer) string { return redactQuoted(text, name, maskWho) }

func redactQuoted(text string, name Namer, mask func(string) string) string {
	var b strings.Builder
	for rest := text; rest != ""; {
		at := strings.IndexByte(rest, '"')
		quoted, err := strconv.QuotedPrefix(rest[max(at, 0):])
		if at < 0 || err != nil {
			b.WriteString(mask(rest))
			break
		}
		b.WriteString(mask(rest[:at]))
		rest = rest[at+len(quoted):]
		id, _ := strconv.Unquote(quoted) // it is quoted
		if now := name.id(id); now != id {
			quoted = strconv.Quote(now)
		}
		b.WriteString(mask(quoted))
	}
	return b.String()
}
