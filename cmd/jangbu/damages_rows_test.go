package main

// damages are all of them.
func damages() (all []damage) {
	for _, some := range [][]damage{rowDamages(), catalogueDamages(), logDamages(), keyDamages(), leaseDamages()} {
		all = append(all, some...)
	}
	return all
}

// rowDamages are those of the rows.
func rowDamages() []damage {
	return []damage{
		{
			name: "participants of a campaign raised", named: verify, mend: resetCampaign("evt-1"),
			sql:  `UPDATE jangbu_rows.event_stats SET participants = participants + 5 WHERE campaign = 'evt-1'`,
			says: []string{`campaign "evt-1": event_stats Participants: served 17, folded 12`},
		},
		{
			name: "a title changed in one letter", named: verify, mend: resetCampaign("evt-2"),
			sql:  `UPDATE jangbu_rows.event_stats SET title = 'x' || title WHERE campaign = 'evt-2'`,
			says: []string{`campaign "evt-2": event_stats Title: `},
		},
		{
			name: "a campaign in the shop that it had before it was moved", named: verify, mend: resetCampaign("evt-2"),
			sql:  `UPDATE jangbu_rows.event_stats SET store = 'store-1' WHERE campaign = 'evt-2'`,
			says: []string{`campaign "evt-2": event_stats `, `store-7`},
		},
		{
			name: "the time of the last event changed", named: verify, mend: resetCampaign("evt-3"),
			sql:    `UPDATE jangbu_rows.event_stats SET updated_at = updated_at + interval '1 microsecond' WHERE campaign = 'evt-3'`,
			sqlite: `UPDATE jangbu_rows.event_stats SET updated_at = updated_at + 1 WHERE campaign = 'evt-3'`,
			says:   []string{`campaign "evt-3": event_stats UpdatedAt: `},
		},
		{
			name: "a cost of a channel set to 0", named: verify, mend: resetCampaign("evt-1"),
			sql:  `UPDATE jangbu_rows.channel_stats SET cost_won = 0 WHERE campaign = 'evt-1' AND channel = 'kakao'`,
			says: []string{`campaign "evt-1": channel_stats`, `served 0, folded 5000`},
		},
		{
			name: "a figure made unknown", named: verify, mend: resetCampaign("evt-2"),
			sql:  `UPDATE jangbu_rows.channel_stats SET impressions = NULL, impressions_at = NULL WHERE campaign = 'evt-2' AND channel = 'kakao'`,
			says: []string{`campaign "evt-2": channel_stats`, `folded 1001`},
		},
		{
			name: "an amount in won made unknown", named: verify, mend: rebuilds(),
			sql:  `UPDATE jangbu_rows.event_stats SET prize_cost_won = NULL WHERE campaign = 'evt-3'`,
			says: []string{`campaign "evt-3": event_stats`, `folded 100000`},
		},
		{
			name: "two hours exchanged", named: verify, mend: resetCampaign("evt-4"),
			sql: `UPDATE jangbu_rows.participation_hourly SET participants = participants + 1 WHERE campaign = 'evt-4' AND hour = (SELECT min(hour) FROM jangbu_rows.participation_hourly WHERE campaign = 'evt-4');
				UPDATE jangbu_rows.participation_hourly SET participants = participants - 1 WHERE campaign = 'evt-4' AND hour = (SELECT max(hour) FROM jangbu_rows.participation_hourly WHERE campaign = 'evt-4')`,
			says: []string{`campaign "evt-4": participation_hourly`},
		},
		{
			name: "one answer of the profile moved to another", named: verify, mend: resetCampaign("evt-1"),
			sql:    `UPDATE jangbu_rows.participant_profile SET age_group = replace(age_group::text, '20s', '30s')::json WHERE campaign = 'evt-1'`,
			sqlite: `UPDATE jangbu_rows.participant_profile SET age_group = replace(age_group, '20s', '30s') WHERE campaign = 'evt-1'`,
			says:   []string{`campaign "evt-1": participant_profile`},
		},
		{
			name: "a row of a campaign that never was", named: verify, mend: resetCampaign("evt-999"),
			sql: `INSERT INTO jangbu_rows.participation_hourly (generation, campaign, hour, participants)
				SELECT generation, 'evt-999', hour, 1 FROM jangbu_rows.participation_hourly WHERE campaign = 'evt-1'`,
			says: []string{`campaign "evt-999": participation_hourly`},
		},
		{
			name: "another campaign's rows copied over", named: verify, mend: resetCampaign("evt-1"),
			sql: `DELETE FROM jangbu_rows.participation_hourly WHERE campaign = 'evt-1';
				INSERT INTO jangbu_rows.participation_hourly (generation, campaign, hour, participants)
				SELECT generation, 'evt-1', hour, participants + 1 FROM jangbu_rows.participation_hourly WHERE campaign = 'evt-2'`,
			says: []string{`campaign "evt-1": participation_hourly`},
		},
		{
			name: "all rows of one campaign deleted", named: verify, mend: resetCampaign("evt-2"),
			sql: `DELETE FROM jangbu_rows.event_stats WHERE campaign = 'evt-2'; DELETE FROM jangbu_rows.channel_stats WHERE campaign = 'evt-2';
				DELETE FROM jangbu_rows.participation_hourly WHERE campaign = 'evt-2'; DELETE FROM jangbu_rows.participant_profile WHERE campaign = 'evt-2'`,
			says: []string{`campaign "evt-2"`, `served no row`},
		},
		{
			name: "one table emptied", named: verify, mend: rebuilds(),
			sql:  `DELETE FROM jangbu_rows.participant_profile`,
			says: []string{`campaign "evt-1": participant_profile`, `served no row`},
		},
		{
			name: "all tables of rows emptied, under a service", named: logged("found wrong and mended: 4; "), mend: heals(),
			sql: `DELETE FROM jangbu_rows.event_stats; DELETE FROM jangbu_rows.channel_stats;
				DELETE FROM jangbu_rows.participation_hourly; DELETE FROM jangbu_rows.participant_profile`,
			says: []string{`is served wrong and is folded anew`, `see jangbu projections status`},
		},
		{
			name: "rows of the standby exchanged with those that are served", named: verify, mend: rebuilds(),
			sql: `UPDATE jangbu_rows.event_stats SET generation = -generation; UPDATE jangbu_rows.event_stats SET generation = 3 + generation;
				UPDATE jangbu_rows.event_stats SET participants = 1 WHERE generation = 2`,
			says: []string{`event_stats`},
		},
		{
			name: "rows of the generation that a rebuild makes next", named: verify, mend: rebuilds(),
			sql:  `UPDATE jangbu_rows.event_stats SET generation = 3 WHERE generation = 2`,
			says: []string{`campaign "evt-1": event_stats: served no row`},
		},
	}
}

// catalogueDamages are those of what says which rows are served.
func catalogueDamages() []damage {
	return []damage{
		{
			name: "the entry of a projection deleted", named: verify, mend: rebuilds(),
			sql:  `DELETE FROM jangbu_rows.projections WHERE projection = 'channel_stats'`,
			says: []string{`channel_stats: served no generation, folded log that ends at 62`},
		},
		{
			name: "the entry of a projection deleted, under a service", named: heldBack("rows are being rebuilt from the log projections=[event_stats] why=\"their entry was lost"), mend: heals(),
			sql: `DELETE FROM jangbu_rows.projections WHERE projection = 'event_stats'`,
		},
		{
			name: "all entries of generations deleted, under a service", named: heldBack(""), mend: heals(),
			sql: `DELETE FROM jangbu_rows.generations; DELETE FROM jangbu_rows.standbys; DELETE FROM jangbu_rows.projections`,
		},
		{
			name: "a generation served that is none", named: verify, mend: rebuilds(),
			sql:  `UPDATE jangbu_rows.projections SET active_generation = 77 WHERE projection = 'event_stats'`,
			says: []string{`event_stats: served no generation`},
		},
		{
			name: "the standby served, whose rows were pruned", named: verify, mend: rebuilds(),
			sql: `DELETE FROM jangbu_rows.participation_hourly WHERE generation = 1;
				UPDATE jangbu_rows.projections SET active_generation = 1 WHERE projection = 'participation_hourly'`,
			says: []string{`participation_hourly`},
		},
		{
			name: "a checkpoint moved back", named: verify, mend: rebuilds(),
			sql:  `UPDATE jangbu_rows.generations SET position = 30 WHERE projection = 'event_stats' AND generation = 2`,
			says: []string{`event_stats: served checkpoint of a log with link `},
		},
		{
			name: "a checkpoint moved back, under a service", named: heldBack("the log is another one: at position 30 it has the link"), mend: heals(),
			sql: `UPDATE jangbu_rows.generations SET position = 30 WHERE projection = 'event_stats' AND generation = 2`,
		},
		{
			name: "a checkpoint moved beyond the log", named: verify, mend: rebuilds(),
			sql:  `UPDATE jangbu_rows.generations SET position = 5000 WHERE projection = 'channel_stats' AND generation = 2`,
			says: []string{`channel_stats: served checkpoint 5000, folded log that ends at 62`},
		},
		{
			name: "a checkpoint moved beyond the log, under a service", named: heldBack("the log went back: it ends at position 62, the rows of channel_stats stand at 5000"), mend: heals(),
			sql: `UPDATE jangbu_rows.generations SET position = 5000 WHERE projection = 'channel_stats' AND generation = 2`,
		},
		{
			name: "the link of a checkpoint changed", named: verify, mend: rebuilds(),
			sql:    `UPDATE jangbu_rows.generations SET link = decode(repeat('ab', 32), 'hex') WHERE projection = 'event_stats' AND generation = 2`,
			sqlite: `UPDATE jangbu_rows.generations SET link = CAST('abababababababababababababababab' AS BLOB) WHERE projection = 'event_stats' AND generation = 2`,
			says:   []string{`event_stats: served checkpoint of a log with link `},
		},
		{
			name: "a fold's version raised", named: refused, mend: removesRows("which serve makes anew"),
			sql:  `UPDATE jangbu_rows.generations SET version = 99 WHERE projection = 'event_stats'`,
			says: []string{`rows are of version 99`},
		},
		{
			name: "the row of the store deleted, and a figure changed", named: logged("is served wrong and is folded anew"), mend: heals(),
			sql: `DELETE FROM jangbu_rows.store; UPDATE jangbu_rows.event_stats SET participants = 3 WHERE campaign = 'evt-1'`,
		},
	}
}
