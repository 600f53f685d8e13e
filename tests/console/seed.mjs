// Work for a board: branches, technicians with shifts and vans, and jobs in every state, entered as a desk does.

const BRANCHES = [
  ['北投店', 'Asia/Taipei'],
  ['新店店', 'Asia/Taipei'],
  ['宜蘭店', 'Asia/Taipei'],
];
const NAMES = [
  '林志明',
  '陳建宏',
  '張家豪',
  '黃俊傑',
  '李宗翰',
  '王冠廷',
  '吳柏翰',
  '劉冠宇',
  '蔡承恩',
  '楊宗憲',
  '許哲瑋',
  '鄭文傑',
];
const CALLERS = ['林小姐', '陳先生', '張太太', '黃先生', '李小姐', '王先生', '吳小姐', '劉先生', '蔡小姐', '楊先生'];
const PLACES = [
  ['國道5號北上 23.4K 雪山隧道口', 24.8623, 121.7866],
  ['台北市北投區承德路七段 401 號', 25.1198, 121.5013],
  ['新北市新店區北宜路二段 坪林', 24.9385, 121.7107],
  ['陽明山竹子湖路 15 號', 25.1741, 121.5422],
  ['台2線 88.5K 鼻頭角停車場', 25.1213, 121.9213],
  ['宜蘭縣頭城鎮青雲路三段', 24.8591, 121.8234],
  ['國道1號南下 25K 圓山交流道', 25.0795, 121.5251],
  ['台9線 32K 北宜公路', 24.9012, 121.6732],
  ['新北市烏來區環山路 90 號', 24.8651, 121.5502],
  ['台北市信義區松仁路 B3 停車場', 25.0331, 121.5687],
];
const PROBLEMS = [
  'battery',
  'flat_tyre',
  'no_start',
  'tow',
  'accident',
  'lockout',
  'fuel',
  'overheating',
  'stuck',
  '行駛中異音，儀表板亮紅燈',
];
const STEPS = ['accepted', 'en_route', 'on_scene', 'working', 'completed'];

/**
 * @param {(method: string, path: string, body?: any, headers?: any) => Promise<any>} as an administrator
 * @param {number} count of jobs
 */
export async function seed(as, count) {
  const branches = [];
  for (const [name, time_zone] of BRANCHES)
    branches.push(
      (
        await as('POST', '/v1/branches', {
          name,
          kind: branches.length === 2 ? 'franchised' : 'owned',
          currency: 'TWD',
          time_zone,
          region: 'TW',
        })
      ).id,
    );
  const people = [];
  const now = Date.now();
  const day = 24 * 3600_000;
  for (const [at, name] of NAMES.entries()) {
    const { id } = await as('POST', '/v1/users', {
      login: `t${at + 1}`,
      name,
      role: 'technician',
      branch: branches[at % 3],
      language: 'zh-TW',
    });
    people.push(id);
    await as('POST', `/v1/technicians/${id}/shifts`, {
      starts_at: now - 5 * 3600_000,
      ends_at: now + (at === 9 ? -1 : 5) * 3600_000,
    });
    if (at === 8)
      await as('POST', `/v1/technicians/${id}/shifts`, {
        starts_at: now - 3600_000,
        ends_at: now + 3 * 3600_000,
        absence: true,
      });
    if (at % 2 === 0)
      await as('POST', `/v1/technicians/${id}/certificates`, {
        skill: 'tow',
        serial: `TW-${1000 + at}`,
        expires_at: now + (at === 4 ? 12 : 400) * day,
      });
    if (at % 4 === 0)
      await as('POST', `/v1/technicians/${id}/certificates`, {
        skill: 'ev',
        expires_at: now + (at === 8 ? -3 : 200) * day,
      });
  }
  for (const [number, description, price] of [
    ['12V60', '電瓶 60Ah', 320000],
    ['TYR-205', '輪胎 205/55R16', 280000],
    ['FUSE-15', '保險絲 15A', 5000],
  ]) {
    await as('PUT', `/v1/parts/${number}`, { description, unit_price: price, currency: 'TWD', tax_millipercent: 5000 });
  }
  for (let at = 0; at < 4; at += 1) {
    const { id } = await as('POST', '/v1/vans', {
      name: `救援車 ${at + 1}`,
      plate: `RES-${1001 + at}`,
      branch: branches[at % 3],
      technician: people[at],
      equipment: at % 2 ? ['winch'] : ['winch', 'wheel_lift'],
    });
    await as('POST', `/v1/vans/${id}/counts`, {
      counts: [
        { part_no: '12V60', quantity: 3000, bin: 'A1' },
        { part_no: 'FUSE-15', quantity: 20000, bin: 'B2' },
      ],
    });
    await as('POST', `/v1/vans/${id}/movements`, {
      movements: [{ kind: 'load', part_no: 'TYR-205', quantity: 2000, bin: 'C1' }],
    });
  }
  const jobs = [];
  for (let at = 0; at < count; at += 1) {
    const [address, lat, lon] = PLACES[at % PLACES.length];
    const job = await as('POST', '/v1/jobs', {
      problem: PROBLEMS[(at * 7) % PROBLEMS.length],
      address,
      place: { lat: lat + (at % 7) * 0.004, lon: lon - (at % 5) * 0.006 },
      caller: CALLERS[at % CALLERS.length],
      phone: `0912 ${String(100000 + at * 7919).slice(0, 3)} ${String(100 + at)}`,
      plate: `${'ABCDEFGHJK'[at % 10]}${'KLMNPQRSTU'[(at * 3) % 10]}${'VWXYZABCDE'[(at * 7) % 10]}-${1000 + at * 37}`,
      priority: at % 11 === 0 ? 'urgent' : at % 5 === 0 ? 'high' : 'normal',
      branch: branches[at % 3],
      source: 'phone',
      ...(at % 6 === 5 ? {} : { eta_by: now + (((at * 13) % 70) - 12) * 60_000 }),
      ...(at % 9 === 0 ? { skills: ['tow'], equipment: ['winch'] } : {}),
      make: ['Toyota', 'Lexus', 'Honda'][at % 3],
      model: ['Corolla Cross', 'NX 350h', 'CR-V'][at % 3],
      color: ['白', '銀', '黑'][at % 3],
      ...(at % 4 === 0 ? { remarks: '車內有嬰兒，請盡快。' } : {}),
    });
    jobs.push(job.id);
    const reach = [0, 0, 1, 2, 3, 4, 5, 6, 1, 3][at % 10];
    if (reach === 0) continue;
    if (at % 10 === 2) {
      await as('POST', `/v1/jobs/${job.id}/assign`, { provider: '全國道路救援' });
    } else {
      await as('POST', `/v1/jobs/${job.id}/assign`, {
        technician: people[at % 8],
        override: true,
        eta: now + 25 * 60_000,
      });
    }
    for (const [index, step] of STEPS.slice(0, reach - 1).entries()) {
      await as('POST', `/v1/jobs/${job.id}/steps`, {
        step,
        at: Date.now() - (5 - index) * 60_000,
        told_by: '無線電',
        ...(step === 'completed' ? { reason: 'signed_on_paper' } : {}),
      });
    }
    if (reach === 6 || reach === 5)
      await as('POST', `/v1/jobs/${job.id}/charges`, {
        description: '出勤費',
        amount: 150000,
        currency: 'TWD',
        tax_millipercent: 5000,
      });
    if (at % 20 === 4)
      await as('POST', `/v1/jobs/${job.id}/steps`, { step: 'on_scene', at: Date.now() - 60_000, told_by: '無線電' })
        .then(() =>
          as('POST', `/v1/jobs/${job.id}/steps`, {
            step: 'goa',
            at: Date.now() - 30_000,
            told_by: '無線電',
            attempts: 3,
          }),
        )
        .catch(() => {});
    if (at % 10 === 5) await as('POST', `/v1/jobs/${job.id}/notes`, { text: '客戶表示車在路肩，已放三角錐。' });
    if (at === 14 || at === 28)
      await as('POST', `/v1/jobs/${job.id}/cancel`, { reason: 'customer_cancelled', note: '客戶自行發動' }).catch(
        () => {},
      );
  }
  return { branches, people, jobs };
}
