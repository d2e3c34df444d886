package readmodeltest

import (
	"encoding/json"
	"maps"
	"slices"
)

// ApplyPatch returns the dashboard after a patch of a stream, as a client computes it, both as
// [json.Decoder.UseNumber] decodes them. It changes neither.
func ApplyPatch(d, patch any) any {
	whole, p := maps.Clone(d.(map[string]any)), maps.Clone(patch.(map[string]any))
	if end, ok := p["trendTail"].(map[string]any); ok {
		trend := slices.Clone(whole["trend"].([]any))
		at := slices.IndexFunc(trend, func(b any) bool { return b.(map[string]any)["from"] == end["from"] })
		if at < 0 {
			at = len(trend)
		}
		whole["trend"] = append(trend[:at], end["buckets"].([]any)...)
	}
	if cells, ok := p["heatCells"].([]any); ok {
		heat := slices.Clone(whole["heat"].([]any))
		for _, cell := range cells {
			day, hour := number(cell.([]any)[0]), number(cell.([]any)[1])
			heat[day] = slices.Clone(heat[day].([]any))
			heat[day].([]any)[hour] = cell.([]any)[2]
		}
		whole["heat"] = heat
	}
	if rows, ok := p["channelRows"].([]any); ok {
		channels := slices.Clone(whole["channels"].([]any))
		for _, row := range rows {
			channels[slices.IndexFunc(channels, func(c any) bool {
				return c.(map[string]any)["channel"] == row.(map[string]any)["channel"]
			})] = row
		}
		whole["channels"] = channels
	}
	for _, name := range []string{"trendTail", "heatCells", "channelRows"} {
		delete(p, name)
	}
	return mergePatch(whole, p)
}

// mergePatch is the function of RFC 7396, section 2.
func mergePatch(target, patch any) any {
	members, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	into, _ := target.(map[string]any)
	into = maps.Clone(into)
	if into == nil {
		into = make(map[string]any)
	}
	for name, value := range members {
		if value == nil {
			delete(into, name)
		} else {
			into[name] = mergePatch(into[name], value)
		}
	}
	return into
}

func number(n any) int64 {
	i, _ := n.(json.Number).Int64()
	return i
}
