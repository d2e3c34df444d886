// The page's words, Korean and English, and how it writes numbers and times. Times are
// Korea's: the shops are there, wherever the reader is.

import { remembered } from './dom.js';

const language = remembered(() => localStorage, 'jangbu.language');

export const lang = () => (language.get() === 'en' ? 'en' : 'ko');

export function setLang(value) {
  language.set(value);
  document.documentElement.lang = value;
}

const ko = {
  app: '장부', skip: '본문으로 건너뛰기', otherLanguage: 'English', other: 'en',
  theme: { auto: '화면: 자동', light: '화면: 밝게', dark: '화면: 어둡게' }, signOut: '로그아웃',
  loading: '불러오는 중', campaigns: '이벤트', shop: '가게', back: '이벤트 목록', untitled: '(이름 없음)',
  cards: { totalParticipants: '총참여자', totalExposure: '총노출', roiPercent: 'ROI', salesGrowthPercent: '매출 증가율' },
  unit: { people: '명', times: '회', won: '원' }, unknown: '알 수 없음', noValue: '–',
  figures: {
    participants: '참여 등록', exposureOf: (c) => `${c} 노출`, sum: '합계', prizeCost: '경품 비용', platformCost: '플랫폼 비용', distributionCost: '배포 비용',
    totalCost: '총비용', salesIncrease: '기대 매출 증가', newCustomers: '신규 고객', newCustomerLtv: '신규 고객 1명의 가치', expectedRevenue: '기대 수익', breakEvenNewCustomers: '본전이 되는 신규 고객', baselineSales: '기준 매출',
  },
  formula: {
    totalParticipants: '참여 등록 1건을 1명으로 셉니다. 같은 등록이 두 번 와도 한 번만 셉니다.',
    totalExposure: '채널별 노출의 합입니다. 채널이 노출을 알려 주지 않으면 조회로 셉니다.',
    roiPercent: '(기대 수익 − 총비용) ÷ 총비용 × 100. 기대 수익은 기대 매출 증가 + 신규 고객 × 1명의 가치입니다.',
    salesGrowthPercent: '기대 매출 증가 ÷ 기준 매출 × 100.',
  },
  channels: '채널 성과', channelsEmpty: '아직 배포한 채널이 없습니다.',
  channel: { wooridongnetv: '우리동네TV', genietv: '지니TV', instagram: '인스타그램', naver: '네이버', kakao: '카카오', onsite: '현장', other: '기타', unknown: '알 수 없음' },
  channelColumns: { channel: '채널', participants: '참여자', exposure: '노출', conversion: '전환율', cost: '비용', costEach: '1명당 비용', state: '집계 상태' },
  own: { impressions: '노출', views: '조회', clicks: '클릭', likes: '좋아요', comments: '댓글', shares: '공유' },
  fresh: (ago) => `${ago} 집계`, notDistributed: '아직 배포하지 않았습니다',
  trend: '참여 추이', zoomIn: '확대', zoomOut: '축소', zoomAll: '전체 보기', trendEmpty: '아직 참여자가 없습니다.', trendOutside: (n) => `이벤트 기간 밖 참여 ${n}명은 그래프에 없습니다.`,
  trendSaid: (from, to, sum, top, when) => `${from}부터 ${to}까지 참여자 ${sum}. 가장 많은 때는 ${when}, ${top}.`, earlier: '이전으로', later: '이후로', trendTools: '추이 확대와 이동', interval: '간격',
  incomplete: '집계 중', asTable: '표로 보기', when: '시각', participantsOf: '참여자',
  profile: '참여자 프로필', profileEmpty: '아직 참여자가 없습니다.', dimension: { gender: '성별', ageGroup: '연령대', region: '지역', customer: '고객' },
  value: { female: '여성', male: '남성', new: '신규', returning: '재방문', unknown: '알 수 없음', other: '기타' }, age: (n) => `${n}대`, moreValues: (n) => `${n}개 더 보기`, fewer: '접기',
  pastOf: (at) => `${at}의 기록입니다`, upToNow: '지금으로', timeline: '지난 기록 보기', timelineSaid: '언제의 기록', timelineNow: '지금', exactTime: '시각 지정',
  reading: '그때의 기록을 불러오는 중', notKnownThen: '이 시각에는 아직 알려진 것이 없습니다.',
  copy: '링크 복사', copied: '링크를 복사했습니다', notCopied: '복사하지 못했습니다. 주소 표시줄의 주소를 쓰세요.', print: '인쇄', csv: '표로 저장',
  missingCampaign: '볼 수 있는 이벤트가 아닙니다', missingCampaignText: '이벤트가 없거나, 이 계정으로는 볼 수 없습니다. 주소를 확인해 주세요.',
  missingShop: '볼 수 있는 가게가 아닙니다', missingShopText: '가게가 없거나, 이 계정으로는 볼 수 없습니다.',
  brokenTitle: '지금은 불러올 수 없습니다', offlineText: '서버에 연결되지 않습니다. 다시 연결되면 화면이 저절로 나타납니다.', busyText: '이용자가 많아 기다리고 있습니다. 잠시 뒤 저절로 다시 시도합니다.',
  rebuildingTitle: '다시 계산하는 중', rebuildingText: '기록을 처음부터 다시 읽어 숫자를 새로 계산하고 있습니다. 끝나면 저절로 나타납니다.',
  brokenText: '서버에 문제가 있습니다. 저절로 다시 시도합니다.', refusedText: '주소가 올바르지 않습니다.', again: '다시 시도', notFresh: '새로 고치지 못했습니다. 마지막으로 본 숫자입니다.',
  nowhere: '없는 주소입니다', home: '처음으로',
  ago: { now: '방금', s: (n) => `${n}초 전`, m: (n) => `${n}분 전`, h: (n) => `${n}시간 전` },
  standing: { planned: (n) => `예정 D-${n}`, startsToday: '오늘 시작해요', running: (n) => `진행 중 D-${n}`, open: '진행 중', endsToday: '오늘 끝나요', ended: '종료' },
  event: {
    fromTo: (from, to) => `${from} – ${to}`, since: (from) => `${from}부터`, until: (to) => `${to}까지`,
    today: '오늘 한 줄', reasons: '이유 보기', numbers: '주요 숫자', finalNumbers: '최종 숫자', expected: '예상', why: '왜 이 숫자인가', whyOf: (card) => `${card}: 왜 이 숫자인가`, exactly: (n) => `정확히 ${n}`,
    cost: '1명당 비용', people: (n) => `${n}명`,
    missing: {
      start: '시작하면 계산합니다', participants: '참여자가 오면 계산합니다', exposure: '노출을 알 수 없습니다', costs: '비용이 0원이라 계산할 수 없습니다', prizeCost: '경품 비용을 알려 주면 계산됩니다', platformCost: '플랫폼 비용을 알려 주면 계산됩니다',
      distributionCost: '배포 비용을 알려 주면 계산됩니다', expectedSalesIncrease: '기대하는 매출 증가를 알려 주면 계산됩니다', baselineSales: '평소 매출을 알려 주면 계산됩니다', newCustomerLtv: '신규 고객 1명의 가치를 알려 주면 계산됩니다', noBaseline: '평소 매출이 0원이라 계산할 수 없습니다', amounts: '금액이 너무 커서 계산할 수 없습니다',
    },
    withoutUnknown: '노출을 모르는 채널은 빠져 있습니다', distributionUnknown: '비용을 모르는 채널은 빠져 있습니다',
    compare: '지난 기록과 비교', compareToday: '오늘', compareYesterday: '어제', compareWeek: '최근 7일', soFar: (n) => `지금까지 ${n}`,
    sameHours: (hour, n, before) => `${hour}시까지 ${n} · 어제는 같은 때 ${before}`, hoursOnly: (hour, n) => `${hour}시까지 ${n}`, firstHour: '첫 한 시간을 세는 중', sameDay: (day, n) => `지난 ${day} ${n}`, weekBefore: (n) => `그 전 7일 ${n}`, notThen: '비교할 지난 기록이 없습니다', same: '같음', more: '더', less: '덜',
    goal: '목표', goalOf: { participants: (n) => `참여자 ${n}명`, newCustomers: (n) => `신규 고객 ${n}명` }, reached: (n, of, percent) => `${of} 가운데 ${n}명 (${percent}%)`, forecast: (n, low, high) => `이대로면 끝날 때 ${n}명쯤 (예상 ${low}~${high}명)`, goalDone: '목표를 이루었습니다',
    sum: '합계', conversionOf: { exposure: '노출 가운데', clicks: '클릭 가운데', reactions: '반응 가운데' }, final: '집계가 끝났습니다', late: (name, at) => `${name} 집계가 늦어지고 있습니다 (마지막 ${at}). 광고는 계속 나갑니다`, notYet: (name) => `${name} 집계를 기다리고 있습니다. 광고는 나가고 있습니다`,
    trend: '참여 추이', units: { hour: '시간별', day: '일별', week: '주별', month: '월별' }, chartHint: '막대를 누르면 숫자가 나옵니다. 끌거나 두 번 누르면 그때를 자세히 봅니다.',
    summed: (n) => `모두 ${n}명`, bestWas: (when, n) => `가장 많은 때는 ${when}, ${n}명`, noneThen: '이때는 참여자가 없습니다', notLoaded: '자세한 숫자를 불러오지 못했습니다. 잠시 뒤 다시 해 보세요.',
    moreGroups: (n, people) => `${n}개 더 보기 (${people}명)`, heat: '요일과 시간', hourOfDay: '시간', weekdays: ['월', '화', '수', '목', '금', '토', '일'], weekdaysLong: ['월요일', '화요일', '수요일', '목요일', '금요일', '토요일', '일요일'], hour: (n) => `${n}시`,
    cell: (day, hour, n) => `${day}요일 ${hour}시 · ${n}명`, bestHour: (hour, n) => `하루 가운데 ${hour}시에 가장 많이 참여합니다(${n}명).`, bestCell: (day, hour, n) => `요일까지 보면 ${day} ${hour}시(${n}명)입니다.`,
  },
  regions: {},
};

const en = {
  app: 'Jangbu', skip: 'Skip to content', otherLanguage: '한국어', other: 'ko',
  theme: { auto: 'Theme: auto', light: 'Theme: light', dark: 'Theme: dark' }, signOut: 'Sign out',
  loading: 'Loading', campaigns: 'Campaigns', shop: 'Shop', back: 'Campaigns', untitled: '(untitled)',
  cards: { totalParticipants: 'Participants', totalExposure: 'Exposure', roiPercent: 'ROI', salesGrowthPercent: 'Sales growth' },
  unit: { people: '', times: '', won: ' won' }, unknown: 'Unknown', noValue: '–',
  figures: {
    participants: 'Registrations', exposureOf: (c) => `Exposure on ${c}`, sum: 'Sum', prizeCost: 'Prizes', platformCost: 'Platform', distributionCost: 'Distribution',
    totalCost: 'Total cost', salesIncrease: 'Expected sales increase', newCustomers: 'New customers', newCustomerLtv: 'Value of a new customer', expectedRevenue: 'Expected revenue', breakEvenNewCustomers: 'New customers to break even', baselineSales: 'Baseline sales',
  },
  formula: {
    totalParticipants: 'Each registration counts as one participant, once, however often it arrives.',
    totalExposure: 'The sum of the channels’ impressions, or of their views where a channel reports no impressions.',
    roiPercent: '(expected revenue − total cost) ÷ total cost × 100. Expected revenue is the sales increase + new customers × value of each.',
    salesGrowthPercent: 'Expected sales increase ÷ baseline sales × 100.',
  },
  channels: 'Channels', channelsEmpty: 'Not distributed to any channel yet.',
  channel: { wooridongnetv: 'Woori Dongne TV', genietv: 'Genie TV', instagram: 'Instagram', naver: 'Naver', kakao: 'Kakao', onsite: 'On site', other: 'Other', unknown: 'Unknown' },
  channelColumns: { channel: 'Channel', participants: 'Participants', exposure: 'Exposure', conversion: 'Conversion', cost: 'Cost', costEach: 'Cost each', state: 'Figures' },
  own: { impressions: 'impressions', views: 'views', clicks: 'clicks', likes: 'likes', comments: 'comments', shares: 'shares' },
  fresh: (ago) => `Collected ${ago}`, notDistributed: 'Not distributed yet',
  trend: 'Participation', zoomIn: 'Zoom in', zoomOut: 'Zoom out', zoomAll: 'Show all', trendEmpty: 'No participants yet.', trendOutside: (n) => `${n} who took part outside the event's period are not in the graph.`,
  trendSaid: (from, to, sum, top, when) => `From ${from} to ${to}: ${sum} participants. The most were at ${when}: ${top}.`, earlier: 'Earlier', later: 'Later', trendTools: 'Zoom and move', interval: 'Interval',
  incomplete: 'still counting', asTable: 'As a table', when: 'Time', participantsOf: 'Participants',
  profile: 'Who took part', profileEmpty: 'No participants yet.', dimension: { gender: 'Gender', ageGroup: 'Age', region: 'Region', customer: 'Customer' },
  value: { female: 'Female', male: 'Male', new: 'New', returning: 'Returning', unknown: 'Unknown', other: 'Other' }, age: (n) => `${n}s`, moreValues: (n) => `Show ${n} more`, fewer: 'Show fewer',
  pastOf: (at) => `As it was at ${at}`, upToNow: 'Back to now', timeline: 'Earlier records', timelineSaid: 'Moment of the record', timelineNow: 'now', exactTime: 'Exact time',
  reading: 'Reading the numbers of that moment', notKnownThen: 'Nothing was known at that moment yet.',
  copy: 'Copy link', copied: 'Link copied', notCopied: 'Could not copy; use the address bar.', print: 'Print', csv: 'Save table',
  missingCampaign: 'No campaign for you here', missingCampaignText: 'There is no such campaign, or this account may not see it. Check the address.',
  missingShop: 'No shop for you here', missingShopText: 'There is no such shop, or this account may not see it.',
  brokenTitle: 'Cannot be read right now', offlineText: 'The server cannot be reached. The page appears by itself once it can.', busyText: 'Many readers at once. It is tried again by itself.',
  rebuildingTitle: 'Being computed again', rebuildingText: 'The numbers are being computed anew from the records. They appear by themselves.',
  brokenText: 'Something is wrong at the server. It is tried again by itself.', refusedText: 'The address is not a valid one.', again: 'Try again', notFresh: 'Could not be refreshed: these are the last numbers seen.',
  nowhere: 'There is nothing at this address', home: 'Start page',
  ago: { now: 'just now', s: (n) => `${n} s ago`, m: (n) => `${n} min ago`, h: (n) => `${n} h ago` },
  standing: { planned: (n) => `Starts in ${n} ${n === 1 ? 'day' : 'days'}`, startsToday: 'Starts today', running: (n) => `Running, ${n} ${n === 1 ? 'day' : 'days'} left`, open: 'Running', endsToday: 'Ends today', ended: 'Ended' },
  event: {
    fromTo: (from, to) => `${from} – ${to}`, since: (from) => `From ${from}`, until: (to) => `Until ${to}`,
    today: 'Today in one line', reasons: 'Why', numbers: 'Key numbers', finalNumbers: 'Final numbers', expected: 'expected', why: 'Why this number', whyOf: (card) => `${card}: why this number`, exactly: (n) => `Exactly ${n}`,
    cost: 'Cost per participant', people: (n) => `${n}`,
    missing: {
      start: 'Computed once it starts', participants: 'Computed once people take part', exposure: 'The exposure is unknown', costs: 'Nothing was spent: there is no ratio', prizeCost: 'Give the cost of the prizes to see it', platformCost: 'Give the platform’s cost to see it',
      distributionCost: 'Give the cost of distribution to see it', expectedSalesIncrease: 'Give the sales you expect to see it', baselineSales: 'Give your usual sales to see it', newCustomerLtv: 'Give the value of a new customer to see it', noBaseline: 'The usual sales are 0: there is no ratio', amounts: 'The amounts are too large',
    },
    withoutUnknown: 'Without channels whose exposure is unknown', distributionUnknown: 'Without channels whose cost is unknown',
    compare: 'Compared with before', compareToday: 'Today', compareYesterday: 'Yesterday', compareWeek: 'Last 7 days', soFar: (n) => `${n} so far`,
    sameHours: (hour, n, before) => `${n} until ${hour}:00 · yesterday ${before} by then`, hoursOnly: (hour, n) => `${n} until ${hour}:00`, firstHour: 'Counting the first hour', sameDay: (day, n) => `the ${day} before ${n}`, weekBefore: (n) => `the 7 days before ${n}`, notThen: 'Nothing earlier to compare with', same: 'same', more: 'more', less: 'fewer',
    goal: 'Goal', goalOf: { participants: (n) => `${n} participants`, newCustomers: (n) => `${n} new customers` }, reached: (n, of, percent) => `${n} of ${of} (${percent}%)`, forecast: (n, low, high) => `About ${n} at the end at this pace (expected ${low} to ${high})`, goalDone: 'The goal is reached',
    sum: 'Sum', conversionOf: { exposure: 'of exposure', clicks: 'of clicks', reactions: 'of reactions' }, final: 'Counting is finished', late: (name, at) => `Figures of ${name} are late (last at ${at}). The ad keeps running`, notYet: (name) => `Waiting for figures of ${name}. The ad is running`,
    trend: 'Participation', units: { hour: 'Hours', day: 'Days', week: 'Weeks', month: 'Months' }, chartHint: 'Press a bar for its number. Drag, or press it twice, to look closer.',
    summed: (n) => `${n} in all`, bestWas: (when, n) => `most on ${when}: ${n}`, noneThen: 'No participants then', notLoaded: 'The details could not be loaded. Try again in a moment.',
    moreGroups: (n, people) => `Show ${n} more (${people})`, heat: 'Weekdays and hours', hourOfDay: 'Hour', weekdays: ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'], weekdaysLong: ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'], hour: (n) => `${n}:00`,
    cell: (day, hour, n) => `${day} ${hour}:00 · ${n}`, bestHour: (hour, n) => `Of all hours most take part at ${hour}:00 (${n}).`, bestCell: (day, hour, n) => `Of the week it is ${day} at ${hour}:00 (${n}).`,
  },
  regions: {
    서울: 'Seoul', 경기: 'Gyeonggi', 부산: 'Busan', 경남: 'Gyeongnam', 인천: 'Incheon', 경북: 'Gyeongbuk', 대구: 'Daegu', 충남: 'Chungnam', 전남: 'Jeonnam',
    전북: 'Jeonbuk', 충북: 'Chungbuk', 강원: 'Gangwon', 대전: 'Daejeon', 광주: 'Gwangju', 울산: 'Ulsan', 제주: 'Jeju', 세종: 'Sejong',
  },
};

// --- the door, and what is said of the numbers --------------------------------

Object.assign(ko, {
  search: '이벤트 찾기', searchHint: '이름이나 초성으로 찾기', found: (n, all) => (n === all ? `이벤트 ${whole.format(all)}개` : `${whole.format(all)}개 가운데 ${whole.format(n)}개`),
  loadingMore: '더 불러오는 중', more: (n) => `${n}개 더 보기`, none: '찾는 이벤트가 없습니다.', clear: '모두 보기',
  empty: '아직 이벤트가 없습니다', emptyText: '이벤트를 만들면 여기에 숫자와 함께 나타납니다.', overview: '모두 더하면', ofKnown: (n) => `${n}개 이벤트 기준`,
  inState: '진행 상태', states: { '': '전체', running: '진행 중', planned: '예정', ended: '종료' }, inPeriod: '기간', inPeriods: (p) => (p === '' ? '모든 기간' : p.length === 4 ? `${p}년` : `최근 ${p}일`), 
  order: '순서', orders: { '': '진행 중인 것부터', title: '이름순', totalParticipants: '참여자 많은 순', costPerParticipant: '1명당 비용 낮은 순', totalExposure: '노출 많은 순', roiPercent: 'ROI 높은 순', salesGrowthPercent: '매출 증가율 높은 순', updatedAt: '최근에 바뀐 순' },
  columns: { title: '이벤트', totalParticipants: '참여자', totalExposure: '노출', roiPercent: 'ROI (예상)', salesGrowthPercent: '매출 증가율 (예상)', updatedAt: '마지막 변화' },
  sparkSaid: (days, yesterday, today) => `최근 ${days}일의 참여자${yesterday === null ? '' : `. 어제 ${yesterday}명`}, 오늘 지금까지 ${today}명`,
  comparePick: (title) => `비교할 이벤트로 고르기: ${title}`, compareChosen: (n, most) => (n < 2 ? `${n}개를 골랐습니다. 하나 더 고르면 비교할 수 있습니다.` : `${n}개를 골랐습니다. ${most}개까지 비교합니다.`), compareGo: '비교하기', compareNone: '고르지 않기',
  compareTitle: '이벤트 비교', compareEmpty: '비교할 이벤트를 목록에서 두 개나 세 개 골라 주세요.', compareMissing: (id) => `${id}: 볼 수 있는 이벤트가 아닙니다.`,
  nthDay: (n) => `${n}일째`, soFarPeople: '모인 참여자', soFarHint: '시작한 날을 1일째로 맞추어, 그날까지 모인 사람을 셉니다.', eachDay: '하루에 온 참여자', bestDay: '가장 많은 날', length: '진행한 날', days: (n) => `${n}일`, untilDay: (n) => `${n}일째까지`, atSameDay: (n) => `${n}일째까지 참여자`, lines: '비교 그래프',
  files: {
    title: '표 파일로 저장', hint: '엑셀 같은 표 프로그램에서 열립니다. 알 수 없는 값은 비어 있습니다.', close: '닫기', longer: '기간이 길어 더 큰 간격으로 저장했습니다.',
    names: { summary: '요약', channels: '채널', days: '날짜별', hours: '시간별', profile: '참여자' }, what: { summary: '숫자와 비용', channels: '채널마다 한 줄', days: '하루에 한 줄', hours: '한 시간에 한 줄', profile: '성별, 연령대, 지역, 신규' },
    head: (what, at) => `${what} · ${at} 기준 (한국 시각) · 빈칸은 알 수 없는 값`, id: '번호', state: '상태', startsAt: '시작', endsAt: '끝', people: '명', times: '회', won: '원', item: '항목', value: '값', unit: '단위', counted: '노출',
    distributedAt: '배포한 때', fetchedAt: '마지막 집계', day: '날짜', hour: '시각', before: '기간 전', after: '기간 뒤', property: '구분',
  },
  printed: (at) => `${at}에 인쇄`,
  live: '실시간', connecting: '연결하는 중', waiting: '연결이 끊겼습니다', busy: '이용자가 많아 기다리고 있습니다', silent: '서버가 응답하지 않습니다',
  settled: { planned: '시작 전입니다', ended: '끝난 이벤트입니다' },
  delayed: { rows: '집계가 늦어지고 있습니다', log: '기록이 늦어지고 있습니다', paused: '집계를 잠시 멈췄습니다', unknown: '숫자가 늦어지고 있습니다', away: '새 숫자를 잠시 불러오지 못합니다' },
  old: (s) => (s < 60 ? `${s}초 전 숫자` : s < 3600 ? `${Math.floor(s / 60)}분 전 숫자` : `${Math.floor(s / 3600)}시간 전 숫자`), updated: (ago) => `마지막 변화 ${ago}`,
  unpainted: '화면을 그리지 못했습니다', unpaintedText: '이 화면을 다시 시도해 주세요. 계속되면 플랫폼에 알려 주세요.', loginOver: '로그인이 끝났습니다', loginAgain: '다시 로그인',
  startTitle: '이벤트 성과 보기', startText: '가게 번호를 넣으면 그 가게의 이벤트를 보여 드립니다.', shopId: '가게 번호', open: '열기',
  loginTitle: '로그인이 필요합니다', loginText: '로그인하면 보던 화면으로 돌아옵니다.', login: '로그인',
  loginElsewhere: '이용하시는 플랫폼에 로그인한 뒤, 거기에 있는 이벤트 성과 링크를 다시 열어 주세요.',
});
Object.assign(en, {
  search: 'Find a campaign', searchHint: 'Title', found: (n, all) => (n === all ? `${whole.format(all)} ${all === 1 ? 'campaign' : 'campaigns'}` : `${whole.format(n)} of ${whole.format(all)} campaigns`),
  loadingMore: 'loading more', more: (n) => `Show ${n} more`, none: 'No campaign matches.', clear: 'Show all',
  empty: 'No campaigns yet', emptyText: 'Once a campaign is created, it appears here with its numbers.', overview: 'All together', ofKnown: (n) => `of ${n} ${n === 1 ? 'campaign' : 'campaigns'}`,
  inState: 'State', states: { '': 'All', running: 'Running', planned: 'Planned', ended: 'Ended' }, inPeriod: 'Period', inPeriods: (p) => (p === '' ? 'Any time' : p.length === 4 ? p : `Last ${p} days`), 
  order: 'Order', orders: { '': 'Running first', title: 'By title', totalParticipants: 'Most participants', costPerParticipant: 'Lowest cost each', totalExposure: 'Most exposure', roiPercent: 'Highest ROI', salesGrowthPercent: 'Highest sales growth', updatedAt: 'Changed last' },
  columns: { title: 'Campaign', totalParticipants: 'Participants', totalExposure: 'Exposure', roiPercent: 'ROI (expected)', salesGrowthPercent: 'Sales growth (expected)', updatedAt: 'Last change' },
  sparkSaid: (days, yesterday, today) => `Participants on the last ${days} days${yesterday === null ? '' : `. Yesterday ${yesterday}`}, today so far ${today}`,
  comparePick: (title) => `Choose for comparison: ${title}`, compareChosen: (n, most) => (n < 2 ? `${n} chosen. Choose one more to compare.` : `${n} chosen. Up to ${most} are compared.`), compareGo: 'Compare', compareNone: 'Clear choice',
  compareTitle: 'Compare campaigns', compareEmpty: 'Choose two or three campaigns in the list to compare them.', compareMissing: (id) => `${id}: no campaign for you here.`,
  nthDay: (n) => `day ${n}`, soFarPeople: 'Participants so far', soFarHint: 'The day of the start is day 1; the lines count all who have come by the end of each day.', eachDay: 'Participants a day', bestDay: 'Best day', length: 'Days so far', days: (n) => `${n} ${n === 1 ? 'day' : 'days'}`, untilDay: (n) => `by day ${n}`, atSameDay: (n) => `Participants by day ${n}`, lines: 'Comparison',
  files: {
    title: 'Save as a table', hint: 'Opens in a spreadsheet. What is unknown is empty.', close: 'Close', longer: 'The campaign is long: the intervals in the file are longer.',
    names: { summary: 'Summary', channels: 'Channels', days: 'Days', hours: 'Hours', profile: 'Participants' }, what: { summary: 'numbers and costs', channels: 'a line for each channel', days: 'a line for each day', hours: 'a line for each hour', profile: 'gender, age, region, new or returning' },
    head: (what, at) => `${what} · as of ${at} (Korea) · empty cells are unknown`, id: 'id', state: 'state', startsAt: 'start', endsAt: 'end', people: 'people', times: 'times', won: 'won', item: 'item', value: 'value', unit: 'unit', counted: 'exposure',
    distributedAt: 'distributed', fetchedAt: 'last collected', day: 'day', hour: 'hour', before: 'before the period', after: 'after the period', property: 'property',
  },
  printed: (at) => `printed ${at}`,
  live: 'Live', connecting: 'Connecting', waiting: 'Connection lost', busy: 'Waiting: many readers', silent: 'The server is not answering',
  settled: { planned: 'Not started yet', ended: 'This campaign has ended' },
  delayed: { rows: 'Counting is running late', log: 'Records are running late', paused: 'Counting is paused', unknown: 'The numbers are running late', away: 'New numbers cannot be read for the moment' },
  old: (s) => (s < 60 ? `numbers from ${s} s ago` : s < 3600 ? `numbers from ${Math.floor(s / 60)} min ago` : `numbers from ${Math.floor(s / 3600)} h ago`), updated: (ago) => `last change ${ago}`,
  unpainted: 'The page could not be drawn', unpaintedText: 'Please try again. If it stays so, tell your platform.', loginOver: 'You are signed out', loginAgain: 'Sign in again',
  startTitle: 'See how your campaigns do', startText: 'Enter a shop’s number to see its campaigns.', shopId: 'Shop number', open: 'Open',
  loginTitle: 'Please sign in', loginText: 'You come back to this page once you have signed in.', login: 'Sign in',
  loginElsewhere: 'Sign in to your platform, then open its link to the campaign’s results again.',
});

/** t is the words of the language in use. */
export const t = () => (lang() === 'en' ? en : ko);

// --- numbers ----------------------------------------------------------------

const whole = new Intl.NumberFormat('ko-KR');
const oneDigit = new Intl.NumberFormat('ko-KR', { maximumFractionDigits: 1 });
const twoDigits = new Intl.NumberFormat('ko-KR', { maximumFractionDigits: 2 });
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

/** exact writes all of a number. */
export const exact = (n) => whole.format(n);

/** large writes a number for a card: Koreans read 만 and 억 apart, 12만 3,456, once there are
 * more than five digits. From 억 on the last four digits are left out, never rounded up. */
export function large(n) {
  if (lang() === 'en' || Math.abs(n) < 1e5) return whole.format(n);
  const sign = n < 0 ? '-' : '';
  const abs = Math.abs(n);
  const parts = abs < 1e8 ? [[abs / 1e4, '만'], [abs, '']] : abs < 1e12 ? [[abs / 1e8, '억'], [abs / 1e4, '만']] : [[abs / 1e12, '조'], [abs / 1e8, '억']];
  const words = parts.map(([v, unit], i) => [Math.floor(v) % (i === 0 ? Infinity : 1e4), unit]).filter(([v], i) => i === 0 || v > 0);
  return sign + words.map(([v, unit]) => whole.format(v) + unit).join(' ');
}

/** short writes a number where there is little room: 1.2만. */
export function short(n) {
  if (Math.abs(n) < 1e4) return whole.format(n);
  if (lang() === 'en') return compact.format(n);
  const [by, unit] = Math.abs(n) >= 1e12 ? [1e12, '조'] : Math.abs(n) >= 1e8 ? [1e8, '억'] : [1e4, '만'];
  return oneDigit.format(Math.trunc(n / by * 10) / 10) + unit;
}

export const percent = (p) => `${twoDigits.format(p)}%`;

/** ratio writes participants of something: what rounds to nothing, but is not, is below the
 * last digit. */
export const ratio = (p, n) => (p === 0 && n > 0 ? '< 0.01%' : percent(p));

// --- times ------------------------------------------------------------------

const formats = new Map();

function format(name, options) {
  const key = lang() + name;
  let f = formats.get(key);
  if (!f) formats.set(key, f = new Intl.DateTimeFormat(lang() === 'en' ? 'en-GB' : 'ko-KR', { timeZone: 'Asia/Seoul', ...options }));
  return f;
}

const hm = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' };
const monthAndDay = () => ({ month: lang() === 'en' ? 'short' : 'long', day: 'numeric' });
export const yearOf = (ms) => new Date(ms + 9 * 3600_000).getUTCFullYear();
/** dated is what a date is written with: the year only where it is not this one. */
const dated = (ms, now) => (yearOf(ms) === yearOf(now) ? monthAndDay() : { year: 'numeric', ...monthAndDay() });
const write = (ms, options) => format(Object.keys(options).join(), options).format(ms);
export const clock = (ms) => write(ms, hm);
export function date(ms, now) {
  const [text, weekday] = [write(ms, dated(ms, now)), write(ms, { weekday: 'short' })];
  return lang() === 'en' ? `${weekday} ${text}` : `${text}(${weekday})`;
}
export const dayAndHour = (ms, now) => `${write(ms, dated(ms, now))} ${clock(ms)}`;
export const fullDay = (ms) => format('fullDay', { dateStyle: 'medium' }).format(ms);
export const fullTime = (ms) => format('fullTime', { dateStyle: 'medium', timeStyle: 'medium', hourCycle: 'h23' }).format(ms);

export const monthAndYear = (ms, now) => write(ms, yearOf(ms) === yearOf(now) ? { month: 'long' } : { year: 'numeric', month: 'long' });

/** tick is what is written below a bar that begins at a moment: the text of its own, and
 * what is common to those beside it. byMonth leaves out the day; years names this one too. */
export function tick(ms, unit, byMonth, now, years) {
  const year = yearOf(ms) === yearOf(now) && !years ? {} : { year: 'numeric' };
  const month = { month: lang() === 'en' ? 'short' : 'long' };
  if (unit === 'hour') return [t().event.hour(new Date(ms + 9 * 3600_000).getUTCHours()), date(ms, now)];
  if (unit === 'month' || byMonth) return [write(ms, month), year.year ? write(ms, year) : ''];
  return [write(ms, { day: 'numeric' }), write(ms, { ...year, ...month })];
}

const dayNumber = (ms) => Math.floor((ms + 9 * 3600_000) / 86_400_000);

/** standing says where a campaign, or its card, stands: planned, running or ended, and for
 * how many days yet. An end at midnight is that of the day before. */
export function standing({ state, startsAt, endsAt }, now) {
  const w = t().standing;
  if (state === 'ended') return w.ended;
  if (state === 'planned') {
    const days = dayNumber(Date.parse(startsAt)) - dayNumber(now);
    return days > 0 ? w.planned(days) : w.startsToday;
  }
  if (!endsAt) return w.open;
  const days = dayNumber(Date.parse(endsAt) - 1) - dayNumber(now);
  return days > 0 ? w.running(days) : w.endsToday;
}

/** period writes from when to when a campaign runs; '' where neither is known. */
export function period({ startsAt, endsAt }, now) {
  const w = t().event;
  const [from, to] = [startsAt && date(Date.parse(startsAt), now), endsAt && date(Date.parse(endsAt) - 1, now)];
  if (from && to) return w.fromTo(from, to);
  return from ? w.since(from) : to ? w.until(to) : '';
}

/** local is a moment as an input of type datetime-local takes it, and parseLocal reads it. */
export const local = (ms) => new Date(ms + 9 * 3600_000).toISOString().slice(0, 16);
export const parseLocal = (text) => Date.parse(`${text}:00+09:00`);
/** asOfIn reads the moment in an address, and withAsOf is the address with it. */
export function asOfIn(query) {
  const ms = Date.parse(query.get('asOf') ?? '');
  return Number.isFinite(ms) ? ms : null;
}

export const withAsOf = (id, at) => `#/events/${encodeURIComponent(id)}${at === null ? '' : `?asOf=${encodeURIComponent(isoInKorea(at))}`}`;

/** inKorea is a moment as spreadsheets read one, by Korea's clocks. */
export const inKorea = (ms) => isoInKorea(ms).slice(0, 19).replace('T', ' ');
/** isoInKorea is RFC 3339 with Korea's offset, to the second. */
export const isoInKorea = (ms) => `${new Date(ms + 9 * 3600_000).toISOString().slice(0, 19)}+09:00`;

/** ago says how long ago a moment was; beyond a day, when it was. */
export function ago(ms, now) {
  const s = Math.max(0, Math.round((now - ms) / 1000));
  const w = t().ago;
  if (s < 5) return w.now;
  if (s < 60) return w.s(s);
  if (s < 3600) return w.m(Math.floor(s / 60));
  if (s < 86400) return w.h(Math.floor(s / 3600));
  return dayAndHour(ms, now);
}

/** moment writes the time of day, with the date where it is not today. */
export const moment = (ms, now) => (local(ms).slice(0, 10) === local(now).slice(0, 10) ? clock(ms) : dayAndHour(ms, now));

// --- names ------------------------------------------------------------------

/** titleOf is a campaign's title; where nothing of it can be seen, words that say so. */
export const titleOf = ({ title, eventId }) => (/[^\s\p{C}\p{Z}\u115f\u1160\u3164\uffa0\u2800]/u.test(title ?? '') ? title : `${t().untitled} ${eventId}`);

const named = (words, key) => (Object.hasOwn(words, key) ? words[key] : key);

export const channelName = (c) => named(t().channel, c);

export function valueName(dimension, value) {
  const w = t();
  if (value === 'unknown' || value === 'other') return w.value[value];
  const age = dimension === 'ageGroup' && /^(\d{1,3})s$/.exec(value);
  if (age) return w.age(age[1]);
  return named(dimension === 'region' ? w.regions : w.value, value);
}
