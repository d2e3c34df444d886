package events

import (
	"encoding/base64"
	"fmt"
	"mime"
	"strings"
)

// envelope is a record's payload with the attributes of its CloudEvent.
type envelope struct {
	typ    Type
	id     string // the producer's; "" if it sent none
	source string
	prefix string // of the names of its attributes
	data   []byte
}

// refusePersonal refuses the attributes that an event's ID is made of where they hold what
// identifies a person. That of a registration is made of none.
func (e *envelope) refusePersonal(o *object) {
	if e.id == "" || e.typ == TypeParticipantRegistered {
		return
	}
	o.refusePersonal(e.prefix+"id", e.id)
	o.refusePersonal(e.prefix+"source", e.source)
}

// openEnvelope recognises the two modes of the CloudEvents Kafka protocol binding
// 1.0.2: structured by the content type (section 3.3), binary by the ce_ headers
// (section 3.2). Any other record is bare JSON.
func openEnvelope(t Type, rec *Record) (envelope, error) {
	if len(rec.Headers) == 0 {
		return envelope{typ: t, data: rec.Value}, nil
	}
	names := [...]string{"content-type", "ce_specversion", "ce_id", "ce_source", "ce_type"}
	var values [len(names)]*Header
	for i := range rec.Headers {
		h := &rec.Headers[i]
		for k, name := range names {
			if len(h.Key) != len(name) || !strings.EqualFold(h.Key, name) {
				continue
			}
			if values[k] != nil {
				return envelope{}, malformed(FieldError{Field: name, Problem: "header is there twice", Want: "each header once"})
			}
			values[k] = h
		}
	}
	contentType, version, id, source, typ := values[0], values[1], values[2], values[3], values[4]
	mediaType := ""
	if contentType != nil && string(contentType.Value) != "application/json" {
		// A header that cannot be parsed counts as no media type; parameters are ignored.
		mediaType, _, _ = mime.ParseMediaType(string(contentType.Value))
	}
	if strings.HasPrefix(mediaType, "application/cloudevents") {
		if mediaType != "application/cloudevents+json" {
			return envelope{}, malformed(FieldError{
				Field: "content-type", Problem: "names a format that is not supported",
				Want: "application/cloudevents+json",
			})
		}
		return openStructured(t, rec.Value)
	}
	env := envelope{typ: t, data: rec.Value}
	if id == nil && version == nil {
		return env, nil
	}
	if version != nil && string(version.Value) != "1.0" {
		return envelope{}, malformed(FieldError{Field: "ce_specversion", Problem: "is another version", Want: "1.0"})
	}
	if id == nil {
		return envelope{}, malformed(FieldError{Field: "ce_id", Problem: "is missing", Want: wantID})
	}
	if problem := idProblem(id.Value); problem != "" {
		return envelope{}, malformed(FieldError{Field: "ce_id", Problem: problem, Want: wantID})
	}
	env.id, env.prefix = string(id.Value), "ce_"
	if source != nil {
		env.source = string(source.Value)
	}
	if typ != nil {
		var ok bool
		if env.typ, ok = cloudEventType(string(typ.Value)); !ok {
			return envelope{}, unknownType("ce_type")
		}
	}
	return env, nil
}

func openStructured(t Type, value []byte) (envelope, error) {
	if len(value) == 0 {
		return envelope{}, malformed(FieldError{Problem: "has no value", Want: "a CloudEvent in JSON"})
	}
	var o object
	if err := o.parse(value); err != nil {
		return envelope{}, malformed(jsonError(err))
	}
	env := envelope{typ: t}
	if v := o.take("specversion"); string(v) != `"1.0"` {
		o.fail("specversion", "is missing or another version", `"1.0"`)
	}
	env.id = string(o.anyID("id"))
	if v := o.take("source"); v != nil {
		source, _ := o.stringOf("source", v, "a URI reference")
		env.source = string(source)
	}
	var name []byte
	if v := o.take("type"); v != nil {
		name, _ = o.stringOf("type", v, "the event's type")
	} else {
		o.missing("type", "the event's type")
	}
	env.data = o.data()
	if len(o.errs) > 0 {
		return envelope{}, &MalformedError{Fields: o.errs}
	}
	typ, ok := cloudEventType(string(name))
	if !ok {
		return envelope{}, unknownType("type")
	}
	env.typ = typ
	return env, nil
}

// data takes a structured CloudEvent's payload (CloudEvents JSON format 1.0.2,
// section 3.1).
func (o *object) data() []byte {
	plain, encoded := o.take("data"), o.take("data_base64")
	switch {
	case plain != nil && encoded != nil:
		o.fail("data_base64", "is there beside data", "one of the two")
	case plain != nil:
		if plain.Kind() == '"' { // some producers send JSON as text
			s, _ := o.stringOf("data", plain, "the event as a JSON object")
			return s
		}
		return plain
	case encoded != nil:
		s, ok := o.stringOf("data_base64", encoded, "base64 text")
		if !ok {
			return nil
		}
		b, err := base64.StdEncoding.AppendDecode(nil, s)
		if err != nil {
			o.fail("data_base64", "is not base64", "base64 text")
		}
		return b
	default:
		o.missing("data", "the event as a JSON object")
	}
	return nil
}

// cloudEventType parses a CloudEvents type: the name of a [Type], with or without
// a reverse-DNS prefix, as in kr.example.events.EventCreated.
func cloudEventType(name string) (Type, bool) {
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		name = name[i+1:]
	}
	return TypeNamed(name)
}

func unknownType(field string) error {
	return fmt.Errorf("%w: %w", ErrUnknownType, FieldError{
		Field: field, Problem: "is none of ours",
		Want: "EventCreated, ParticipantRegistered, DistributionCompleted or ChannelStatsFetched",
	})
}
