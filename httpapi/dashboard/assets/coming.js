// What will be seen of a campaign, and when, before there is anything to see.

import { h, write } from './dom.js';
import { date, lang } from './words.js';

/** coming is the panel. */
export function coming() {
  const w = words();
  const list = h('dl', { class: 'steps' });
  const title = h('h2', { id: 'coming' });
  const e = h('section', { class: 'panel coming', 'aria-labelledby': 'coming' }, title, list);
  let written = '';
  return {
    e,
    update(d, at) {
      const planned = d.state === 'planned';
      const lines = [...(planned ? [[date(Date.parse(d.startsAt), at), w.onStart]] : []), [w.first, w.onFirst], [w.tomorrow, w.onTomorrow], [w.week, w.onWeek], [d.endsAt ? date(Date.parse(d.endsAt) - 1, at) : w.end, w.onEnd]];
      if (written === lines.join()) return;
      written = lines.join();
      write(title, planned ? w.planned : w.running);
      list.replaceChildren(...lines.map(([when, what]) => h('div', {}, h('dt', {}, when), h('dd', {}, what))));
    },
  };
}

const words = () => ({
  ko: {
    planned: '시작하면 이렇게 보입니다', running: '참여자가 오면 이렇게 보입니다', first: '첫 참여자가 오면', tomorrow: '다음 날부터', week: '일주일이 지나면', end: '끝나는 날',
    onStart: '참여자와 채널별 노출을 실시간으로 보여 드립니다.', onFirst: '1명당 비용, ROI 예상, 참여자 프로필을 계산합니다.', onTomorrow: '어제와 오늘을 견주고, 가장 좋은 시간을 찾습니다.', onWeek: '최근 7일을 그 전 7일과 견줍니다.', onEnd: '결산: 최종 숫자와 가장 좋았던 날·시간·채널을 모아 드립니다.',
  },
  en: {
    planned: 'What you will see once it starts', running: 'What you will see once people take part', first: 'With the first participant', tomorrow: 'From the next day', week: 'After a week', end: 'At the end',
    onStart: 'Participants, and each channel’s exposure, live.', onFirst: 'Cost per participant, expected ROI, and who took part.', onTomorrow: 'Today beside yesterday, and the best hour.', onWeek: 'The last 7 days beside the 7 before.', onEnd: 'How it went: final numbers, and the best day, hour and channel.',
  },
})[lang() === 'en' ? 'en' : 'ko'];
