'use strict';
// The page of chatsock. Texts from others reach the document only as text nodes.
//
// In order: helpers, state, connection, login, what arrives, rooms, messages, scrolling and history, writing, people,
// dialogs, search, settings, attention, keys, start.

// ---- Helpers ----

/** Most messages in the page, over all rooms. Beyond it the oldest go; scrolling up brings them back. */
const MOST_MESSAGES = 10000;
/** Messages in a block. The browser skips the layout of blocks out of sight; for single messages that costs more. */
const BLOCK = 50;
/** Messages asked for at once on scrolling up; the server sends at most 200. */
const PAGE = 100;
/** Messages of one author within this time stand below one name. */
const GROUPED_MS = 5 * 60_000;
/** The connection counts as dead after this much silence. Timers in hidden tabs run once a minute. */
const DEAD_MS = 75_000;
/** After this much silence the server is asked for a sign of life. */
const QUIET_MS = 30_000;
/** How long a connection may take to open. */
const OPENING_MS = 10_000;

const $ = id => document.getElementById(id);

/** An element with its properties, attributes and children. */
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (key in element) element[key] = value;
    else element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

/** One of the icons of the document. */
function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
  svg.setAttribute('aria-hidden', 'true');
  use.setAttribute('href', `#i-${name}`);
  svg.append(use);
  return svg;
}

const counted = (count, one, many) => `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
const people = count => counted(count, 'person', 'people');
const same = (one, other) => one.toLowerCase() === other.toLowerCase();
const two = number => String(number).padStart(2, '0');
const clock = time => `${two(time.getHours())}:${two(time.getMinutes())}`;
const sameDay = (one, other) => one.toDateString() === other.toDateString();

/** `13:58`, or `28 Nov` on another day. */
function moment(text) {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) return '';
  return sameDay(time, new Date()) ? clock(time) : time.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' });
}

/** The hue of a name: the same for everybody, in any case. */
function hue(name) {
  let hash = 7;
  for (const letter of name.toLowerCase()) hash = (hash * 31 + letter.codePointAt(0)) >>> 0;
  return (hash * 137) % 360;
}

function paintName(element, name) {
  element.style.setProperty('--hue', hue(name));
}

const escaped = text => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Whether a text has a name in it, as a word of its own. */
function mentions(text, name) {
  return Boolean(name) && new RegExp(`(?<![\\p{L}\\p{N}_-])${escaped(name)}(?![\\p{L}\\p{N}_-])`, 'iu').test(text);
}

/** A text, with links where it has addresses. */
function linked(text) {
  const parts = [];
  let done = 0;
  for (const found of text.matchAll(/https?:\/\/[^\s<>"]+/gi)) {
    const address = found[0].replace(/[.,;:!?'"\])}]+$/, '');
    if (!URL.canParse(address)) continue;
    parts.push(text.slice(done, found.index));
    parts.push(make('a', { href: address, target: '_blank', rel: 'noopener noreferrer nofollow' }, address));
    done = found.index + address.length;
  }
  parts.push(text.slice(done));
  return parts;
}

// ---- State ----

const SETTINGS = { times: true, presence: true, sound: 'off', aloud: 'all', theme: 'system', notify: false };

const state = {
  socket: null,
  /** Logged in, and the connection is open. */
  online: false,
  /** Connections lost one after the other. */
  tries: 0,
  retry: 0,
  opening: 0,
  heard: 0,
  nextRequest: 1,
  /** Requests without an answer: id -> { resolve, items }. */
  pending: new Map(),
  /** What the server said of itself. */
  welcome: null,
  /** What the user entered. The password is only in memory, for the next connection. */
  name: '',
  password: '',
  /** The user's name, and their account with its number. */
  me: '',
  user: '',
  leaving: false,
  /** Rooms and conversations the user is in, by key. A conversation's key is `@bob`. */
  rooms: new Map(),
  /** Rooms the server lists, by name in lower case. */
  listed: new Map(),
  current: null,
  messages: 0,
  frame: 0,
  settings: { ...SETTINGS },
};

function loadSettings() {
  try {
    Object.assign(state.settings, JSON.parse(localStorage.getItem('chatsock') ?? '{}'));
  } catch {
    // Without storage, settings last as long as the page.
  }
}

function saveSettings() {
  try {
    localStorage.setItem('chatsock', JSON.stringify(state.settings));
  } catch {
    // As above.
  }
}

function applySettings() {
  const { theme, times, presence } = state.settings;
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  $('logs').classList.toggle('no-times', !times);
  $('logs').classList.toggle('no-presence', !presence);
}

// ---- Connection ----

function openSocket() {
  dropSocket();
  const address = new URL('ws', location.href);
  address.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
  const socket = new WebSocket(address, 'chatsock.v1');
  state.socket = socket;
  state.opening = setTimeout(() => lost({}), OPENING_MS);
  socket.onopen = () => {
    clearTimeout(state.opening);
    state.heard = Date.now();
    logIn();
  };
  socket.onmessage = event => {
    state.heard = Date.now();
    for (const line of event.data.split('\n')) if (line) receive(JSON.parse(line));
  };
  socket.onclose = lost;
}

/** Detaches the old connection before it is closed, so that nothing it still brings is taken for the new one's. */
function dropSocket() {
  clearTimeout(state.opening);
  clearTimeout(state.retry);
  const socket = state.socket;
  state.socket = null;
  state.online = false;
  if (socket) {
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }
  for (const { resolve } of state.pending.values()) {
    resolve({ action: 'error', content: 'The connection was lost.', optional: { code: 'lost' }, items: [] });
  }
  state.pending.clear();
}

/** The connection is gone. Someone who was logged in is connected again; others read why. */
function lost({ code, reason }) {
  const wasIn = Boolean(state.me);
  dropSocket();
  if (state.leaving || !wasIn || code === 1008) {
    showLogin(state.leaving ? 'You are logged out.' : reason || 'The server cannot be reached. Try again.', !state.leaving);
    return;
  }
  showStatus('Reconnecting...');
  updateComposer();
  const wait = state.tries === 0 ? 0 : Math.min(30_000, 500 * 2 ** state.tries) * (0.75 + Math.random() / 2);
  state.tries += 1;
  state.retry = setTimeout(openSocket, wait);
}

/** Connects at once where a later attempt is planned: the machine is online again, or the page visible. */
function hurry() {
  if (!state.me || state.online || state.socket?.readyState === WebSocket.CONNECTING) return;
  if (state.socket?.readyState !== WebSocket.OPEN) openSocket();
}

/** Asks for a sign of life in silence, and connects again when none comes. */
function checkLife() {
  if (!state.socket || state.socket.readyState !== WebSocket.OPEN) return;
  const silence = Date.now() - state.heard;
  if (silence > DEAD_MS) lost({});
  else if (silence > QUIET_MS && state.online) request('ping');
}

/** Sends a request. The answer comes with the objects sent before it, in `items`; a lost connection is an error too. */
function request(action, receiver = '', content = '', optional = {}, isPrivate = false) {
  return new Promise(resolve => {
    if (state.socket?.readyState !== WebSocket.OPEN) {
      resolve({ action: 'error', content: 'There is no connection.', optional: { code: 'lost' }, items: [] });
      return;
    }
    const id = `p${state.nextRequest++}`;
    state.pending.set(id, { resolve, items: [], action });
    state.socket.send(JSON.stringify({ id, action, receiver, content, private: isPrivate, optional }));
  });
}

const failed = answer => answer.action === 'error';

/** Takes one object: an answer, an item of one, or an event. */
function receive(object) {
  object.optional ??= {};
  const answered = state.pending.get(object.id);
  if (answered) {
    state.pending.delete(object.id);
    answered.resolve({ ...object, items: answered.items });
    return;
  }
  const asked = state.pending.get(object.optional.request);
  if (asked && asked.action !== 'join') asked.items.push(object);
  else events[object.action]?.(object);
}

// ---- Login ----

function showLogin(note, isError) {
  dropSocket();
  state.leaving = false;
  $('chat').hidden = true;
  $('login').hidden = false;
  $('login-button').disabled = false;
  $('login-error').textContent = isError ? note : '';
  if (!isError) $('login-note').textContent = note;
  document.title = 'chatsock';
  $('login-name').focus();
}

$('login-form').onsubmit = event => {
  event.preventDefault();
  state.name = $('login-name').value.trim();
  state.password = $('login-password').value;
  if (!state.name) return;
  $('login-error').textContent = '';
  $('login-button').disabled = true;
  if (state.socket?.readyState === WebSocket.OPEN) logIn();
  else openSocket();
};

/** Says hello and logs in, on the first connection and on every later one. */
async function logIn() {
  const welcome = await request('hello', '', '', { version: 1 });
  if (failed(welcome)) return refuseLogin(welcome);
  state.welcome = welcome;
  const optional = state.password ? { password: state.password } : {};
  const answer = await request('login', '', state.name, optional);
  if (failed(answer)) return refuseLogin(answer);
  state.user = answer.optional.user ?? state.name;
  const before = state.me;
  setMe(state.user.split('#')[0]);
  state.online = true;
  state.tries = 0;
  $('login-password').value = '';
  showChat();
  for (const item of answer.items) events[item.action]?.(item);
  if (before) await rejoin();
  await reload();
}

/** How often a name that was ours a moment ago is asked for again: the server may not know yet that we were cut off. */
const NAME_TRIES = 5;

function refuseLogin(answer) {
  if (answer.optional.code === 'lost') return;
  if (state.me && answer.optional.code === 'taken' && state.tries < NAME_TRIES) {
    lost({});
    return;
  }
  state.tries = 0;
  const socket = state.socket;
  $('chat').hidden = true;
  $('login').hidden = false;
  $('login-button').disabled = false;
  $('login-error').textContent = answer.content;
  $(answer.optional.code === 'taken' || !$('login-password').value ? 'login-name' : 'login-password').focus();
  if (socket) socket.onclose = () => dropSocket();
}

function setMe(name) {
  state.me = name;
  state.name = name;
  $('self-button').replaceChildren(make('bdi', { className: 'name' }, name));
  $('self-button').ariaLabel = `${name}, you`;
  paintName($('self-button').firstChild, name);
}

function showChat() {
  const first = !$('login').hidden;
  $('login').hidden = true;
  $('chat').hidden = false;
  showStatus('');
  if (!first) return;
  showRoom(state.current);
  if (!state.current) openPanel('rooms');
}

/** Enters the rooms again after a lost connection, from the last message seen in each. */
async function rejoin() {
  for (const room of state.rooms.values()) {
    if (room.direct) continue;
    const answer = await joinRoom(room.name, room.password);
    if (answer) tell(room, answer, true);
  }
}

async function logOut() {
  state.leaving = true;
  const forget = () => {
    for (const room of [...state.rooms.values()]) removeRoom(room);
    state.me = '';
    state.password = '';
    showLogin('You are logged out.', false);
  };
  if (state.online) await request('quit');
  forget();
}

// ---- What arrives ----

const events = {
  message(object) {
    const room = roomOf(object);
    room.incoming.push(object);
    if (!object.optional.history || room.resuming) attend(room, object);
    schedule();
  },
  edited(object) {
    change(object, message => Object.assign(message, { content: object.content, edited: true }));
  },
  deleted(object) {
    change(object, message => (message.gone = 'message deleted'));
  },
  expired(object) {
    change(object, message => (message.gone = 'message expired'));
  },
  joined(object) {
    for (const name of names(object)) arrived(object, name);
  },
  left(object) {
    for (const name of names(object)) departed(object, name, 'left');
  },
  kicked(object) {
    departed(object, object.optional.name ?? object.sender, 'kicked');
  },
  renamed(object) {
    renamed(object.sender, object.optional.name ?? object.content);
  },
  room(object) {
    listRoom(object);
    drawRooms();
  },
  member(object) {
    const room = state.rooms.get(object.receiver);
    if (room) addMember(room, object);
  },
  members(object) {
    const room = state.rooms.get(object.receiver);
    if (!room) return;
    if (object.content) notice(room, object.content, 'presence');
    refreshMembers(room);
  },
  news(object) {
    const room = state.rooms.get(object.receiver) ?? state.current;
    if (room) tell(room, object.content, false);
    else showStatus(object.content);
  },
  error(object) {
    if (state.current) tell(state.current, object.content, true);
    else showStatus(object.content);
  },
  bye(object) {
    if (object.content) showStatus(object.content);
  },
};

const names = object => (object.sender ? [object.sender] : object.content.split(', '));

/** The room or conversation that an object belongs to. */
function roomOf(object) {
  if (!object.private) return openRoom(object.receiver);
  const receivers = [object.receiver].flat();
  const others = same(object.sender, state.me) ? receivers : [object.sender, ...receivers.filter(name => !same(name, state.me))];
  return openRoom(`@${others.sort().join(',')}`);
}

/** Changes a message where it is shown. */
function change(object, edit) {
  flush();
  for (const room of state.rooms.values()) {
    const message = room.messages.get(object.id);
    if (!message) continue;
    edit(message);
    fill(room, message);
  }
}

function arrived(object, name) {
  if (same(name, state.me)) {
    openRoom(object.receiver);
    drawRooms();
    return;
  }
  const room = state.rooms.get(object.receiver);
  if (!room) return;
  if (!object.optional.history) room.members.set(name.toLowerCase(), { name, since: object.time });
  presence(room, name, 'joined');
  countPeople(room);
}

function departed(object, name, how) {
  const room = state.rooms.get(object.receiver);
  if (!room) return;
  const text = object.content || (how === 'kicked' ? `${name} was kicked` : '');
  if (same(name, state.me)) {
    removeRoom(room);
    if (how === 'kicked') showStatus(text);
    return;
  }
  room.members.delete(name.toLowerCase());
  if (how === 'left') presence(room, name, 'left');
  else notice(room, text, 'presence');
  countPeople(room);
}

function renamed(from, to) {
  if (!to) return;
  if (same(from, state.me)) setMe(to);
  for (const room of [...state.rooms.values()]) {
    const member = room.members.get(from.toLowerCase());
    if (member) {
      room.members.delete(from.toLowerCase());
      room.members.set(to.toLowerCase(), { ...member, name: to });
      notice(room, `${from} is now known as ${to}`, 'presence');
    }
    if (room.key === `@${from}`) renameConversation(room, to);
  }
  drawRooms();
  drawMembers();
}

function renameConversation(room, to) {
  if (state.rooms.has(`@${to}`)) return;
  state.rooms.delete(room.key);
  room.key = `@${to}`;
  room.name = to;
  room.log.ariaLabel = `Messages in ${to}`;
  state.rooms.set(room.key, room);
  if (room === state.current) showRoom(room);
}

// ---- Rooms ----

/** The room or conversation with this key, made if it is not there. */
function openRoom(key) {
  const known = state.rooms.get(key);
  if (known) return known;
  const direct = key.startsWith('@');
  const name = direct ? key.slice(1) : key;
  const log = make('div', { className: 'log', role: 'log', ariaLive: 'off', ariaLabel: `Messages in ${name}`, tabIndex: 0, hidden: true });
  const lines = make('div', { className: 'lines' });
  log.append(lines);
  $('logs').append(log);
  const room = {
    key, name, direct, log, lines,
    password: '',
    messages: new Map(),
    members: new Map(),
    incoming: [],
    /** The block that new messages go to, and the last message in it. */
    tail: null,
    lastShown: null,
    first: Infinity,
    last: 0,
    /** The history has nothing older, or is on its way. */
    complete: false,
    loading: false,
    resuming: false,
    pinned: true,
    top: 0,
    unread: 0,
    mentioned: false,
    marker: null,
    draft: '',
    reply: null,
    edit: null,
    lastSeen: 0,
  };
  log.onscroll = () => scrolled(room);
  sizes.observe(log);
  sizes.observe(lines);
  state.rooms.set(key, room);
  drawRooms();
  return room;
}

function removeRoom(room) {
  state.rooms.delete(room.key);
  state.messages -= room.messages.size;
  sizes.unobserve(room.log);
  sizes.unobserve(room.lines);
  room.log.remove();
  if (room === state.current) showRoom([...state.rooms.values()].at(-1) ?? null);
  drawRooms();
}

function listRoom(object) {
  const { optional } = object;
  const name = optional.name ?? object.receiver;
  const gone = optional.gone || optional.change === 'gone' || object.content === 'gone';
  if (gone) state.listed.delete(name.toLowerCase());
  else state.listed.set(name.toLowerCase(), { ...state.listed.get(name.toLowerCase()), ...optional, name });
}

/** Reads the list of rooms from the server. */
async function reload() {
  const answer = await request('rooms');
  if (failed(answer)) return;
  state.listed.clear();
  for (const item of answer.items) listRoom(item);
  drawRooms();
  drawHeader();
}

const roomInfo = room => state.listed.get(room.name.toLowerCase()) ?? {};

function countPeople(room) {
  const info = state.listed.get(room.name.toLowerCase());
  if (info && room.members.size) info.people = room.members.size;
  drawRooms();
  if (room === state.current) drawMembers();
}

/** Enters a room. Gives the server's sentence if it may not be entered. */
async function joinRoom(name, password = '') {
  const known = state.rooms.get(name);
  const after = known?.last || undefined;
  if (known) known.resuming = Boolean(after);
  const answer = await request('join', name, '', { ...(password && { password }), ...(after && { after }) });
  flush();
  if (known) known.resuming = false;
  if (failed(answer)) return answer.content;
  const room = openRoom([answer.receiver].flat()[0] || name);
  room.password = password;
  if (answer.optional.gap && after) rule(room, 'Some messages are missing here', after);
  await refreshMembers(room);
  return '';
}

/** Opens a room from the list, or asks for its password. */
async function enterRoom(name) {
  const known = state.rooms.get(name);
  if (known) return showRoom(known);
  const info = state.listed.get(name.toLowerCase());
  if (info?.password) return askRoom(name);
  const refusal = await joinRoom(name);
  if (refusal) showStatus(refusal);
  else showRoom(state.rooms.get(name) ?? state.current);
}

function askRoom(name = '') {
  askFor({
    title: name ? `Join ${name}` : 'Join a room',
    note: name ? `${name} has a password.` : 'A room that is not in the list needs its name and password.',
    fields: [
      { key: 'name', label: 'Room', value: name, required: true },
      { key: 'password', label: 'Room password', type: 'password' },
    ],
    button: 'Join',
    async run({ name, password }) {
      const refusal = await joinRoom(name.trim(), password);
      if (!refusal) showRoom(findRoom(name.trim()));
      return refusal;
    },
  });
}

function askNewRoom() {
  askFor({
    title: 'New room',
    fields: [
      { key: 'name', label: 'Room', required: true, hint: 'A letter, then letters, digits, _ and -.' },
      { key: 'password', label: 'Room password', type: 'password', hint: 'Empty for a room that needs none.' },
      { key: 'public', label: 'In the list of rooms', type: 'checkbox', value: true },
    ],
    button: 'Make it',
    async run({ name, password, public: listed }) {
      const answer = await request('create', name.trim(), '', { ...(password && { password }), public: listed });
      if (failed(answer)) return answer.content;
      const room = openRoom([answer.receiver].flat()[0] || name.trim());
      room.password = password;
      showRoom(room);
      refreshMembers(room);
      reload();
      return '';
    },
  });
}

const findRoom = name => [...state.rooms.values()].find(room => !room.direct && same(room.name, name)) ?? state.current;

async function leaveRoom(room) {
  if (room.direct) return removeRoom(room);
  const answer = await request('close', room.name);
  if (failed(answer)) return tell(room, answer.content, true);
  if (state.rooms.has(room.key)) removeRoom(room);
  reload();
}

/** Makes a room the one on the screen. */
function showRoom(room) {
  const before = state.current;
  if (before) {
    before.draft = $('text').value;
    before.log.hidden = true;
    if (before !== room && !before.unread) unmark(before);
  }
  state.current = room;
  $('empty').hidden = Boolean(room);
  $('composer').hidden = !room;
  $('search-button').hidden = $('room-menu').hidden = !room;
  $('jump').hidden = true;
  $('send-error').textContent = '';
  closePanels();
  if (room) {
    flush();
    room.log.hidden = false;
    if (room.pinned) toBottom(room);
    else room.log.scrollTop = room.top;
    $('text').value = room.draft;
    $('text').ariaLabel = `Message ${room.name}`;
    $('text').placeholder = `Message ${room.name}`;
    drawContext();
    fitText();
    read(room);
    fillScreen(room);
    focusText();
  }
  drawHeader();
  drawRooms();
  drawMembers();
  updateComposer();
}

function drawHeader() {
  const room = state.current;
  const name = $('room-name');
  if (!room) {
    name.replaceChildren();
    $('room-about').textContent = '';
    document.title = 'chatsock';
    return;
  }
  const info = roomInfo(room);
  name.replaceChildren(make('bdi', {}, room.name));
  if (info.password) name.append(icon('lock'));
  const about = room.direct
    ? ['Direct messages']
    : [info.password ? 'With a password' : 'Without a password', info.creator && `by ${info.creator}`, info.description];
  $('room-about').textContent = about.filter(Boolean).join(' · ');
  $('room-about').title = info.description ?? '';
  $('room-menu').ariaLabel = `Menu of ${room.name}`;
  drawTitle();
}

/** What stands below the name of a room: `bob, since 13:58`. */
function roomAbout(info) {
  const since = info.creator && info.since ? `since ${moment(info.since)}` : '';
  return [info.creator, since].filter(Boolean).join(', ') || info.description || '';
}

/** A room's button. Its name says all that its signs show. */
function roomButton(name, room, info) {
  const unread = room && room !== attended() ? room.unread : 0;
  const count = info.people ?? 0;
  const label = [
    name,
    room?.direct ? 'direct messages' : people(count),
    info.password && 'with a password',
    unread && `${unread} unread`,
    unread && room.mentioned && !room.direct && 'you are mentioned',
  ];
  const button = make('button', { className: 'plain room', ariaLabel: label.filter(Boolean).join(', ') });
  const line = make('span', { className: 'label' });
  if (info.password) line.append(icon('lock'));
  line.append(make('bdi', {}, name));
  button.append(line, make('span', { className: 'count', title: people(count) }, room?.direct ? '' : countOf(info)));
  if (unread) button.append(make('span', { className: room.mentioned ? 'pill solid' : 'pill' }, String(unread)));
  const about = room?.direct ? '' : roomAbout(info);
  if (about) button.append(make('span', { className: 'about', title: info.description ?? '' }, about));
  button.classList.toggle('unread', unread > 0);
  if (room && room === state.current) button.ariaCurrent = 'true';
  button.onclick = () => (room ? showRoom(room) : enterRoom(name));
  button.dataset.key = room?.key ?? name;
  return make('li', {}, button);
}

const countOf = info => (info.limit ? `${info.people ?? 0}/${info.limit}` : String(info.people ?? 0));

/** Draws the list of rooms again, with the focus where it was. */
function drawRooms() {
  const focused = document.activeElement?.dataset?.key;
  const rooms = [...state.rooms.values()];
  const joined = rooms.filter(room => !room.direct);
  const direct = rooms.filter(room => room.direct);
  const others = [...state.listed.values()].filter(info => !joined.some(room => same(room.name, info.name)));
  $('joined').replaceChildren(...joined.map(room => roomButton(room.name, room, roomInfo(room))));
  $('direct').replaceChildren(...direct.map(room => roomButton(room.name, room, {})));
  $('listed').replaceChildren(...others.map(info => roomButton(info.name, null, info)));
  $('joined-section').hidden = !joined.length;
  $('direct-section').hidden = !direct.length;
  $('listed-title').textContent = joined.length ? 'More rooms' : 'Rooms';
  $('listed-none').hidden = others.length > 0;
  if (focused) [...document.querySelectorAll('.room')].find(button => button.dataset.key === focused)?.focus();
  drawTitle();
}

// ---- Messages ----

/** Shows what has come with the next frame, or soon where the page is hidden and has none. */
function schedule() {
  if (state.frame) return;
  state.frame = document.hidden ? setTimeout(flush, 250) : requestAnimationFrame(flush);
}

function flush() {
  state.frame = 0;
  for (const room of state.rooms.values()) {
    if (!room.incoming.length) continue;
    for (const object of room.incoming.splice(0)) append(room, object);
    if (room === state.current && room.pinned) toBottom(room);
    if (room === state.current) read(room);
  }
  trim();
}

/** What the page keeps of a message. */
function keep(object) {
  const { optional } = object;
  return {
    id: object.id,
    author: object.sender,
    content: object.content,
    time: new Date(object.time),
    me: Boolean(optional.me || optional.kind === 'me'),
    edited: Boolean(optional.edited),
    seconds: optional.seconds ?? optional.temporary ?? 0,
    reply: optional.reply,
    replyAuthor: optional.reply_sender,
    replyText: optional.reply_content,
    gone: '',
    node: null,
  };
}

/** Adds a message at the end, unless it is there already. */
function append(room, object) {
  if (room.messages.has(object.id)) return;
  const message = keep(object);
  if (room.unsure === message.content && same(message.author, state.me)) dropUnsure(room);
  const before = room.lastShown;
  if (!before || !sameDay(before.time, message.time)) addLine(room, dayRule(message.time));
  addLine(room, render(room, message, before));
  room.lastShown = message;
  room.first = Math.min(room.first, message.id);
  room.last = Math.max(room.last, message.id);
  if (object.unreadFirst) mark(room, message);
}

/** Puts a line into the last block, or into a new one when that is full. */
function addLine(room, node) {
  if (!room.tail || room.tail.childElementCount >= BLOCK) {
    room.tail?.classList.add('full');
    room.tail = make('div', { className: 'block' });
    room.lines.append(room.tail);
  }
  room.tail.append(node);
}

const template = make('div', { className: 'message', tabIndex: -1 }, make('time'), make('bdi', { className: 'name' }), make('div', { className: 'text', dir: 'auto' }));

function render(room, message, before) {
  const node = template.cloneNode(true);
  const [time, name] = node.children;
  const first = !before || before.notice || !same(before.author, message.author) || message.time - before.time > GROUPED_MS;
  node.dataset.id = message.id;
  if (first) {
    node.classList.add('first');
    time.textContent = clock(message.time);
    name.textContent = name.title = message.author;
    paintName(name, message.author);
  }
  time.dateTime = message.time.toISOString();
  message.node = node;
  room.messages.set(message.id, message);
  state.messages += 1;
  if (message.seconds) startShrinking(room, message);
  fill(room, message);
  return node;
}

/** Writes a message's text, which may have been edited or deleted since. */
function fill(room, message) {
  const { node, author, content } = message;
  const text = node.lastElementChild.classList.contains('text') ? node.lastElementChild : node.querySelector('.text');
  const own = same(author, state.me);
  node.classList.toggle('own', own);
  node.classList.toggle('mention', !own && !message.gone && mentions(content, state.me));
  node.classList.toggle('gone', Boolean(message.gone));
  if (message.gone) {
    node.classList.remove('temporary');
    text.textContent = message.gone;
    return;
  }
  text.replaceChildren(...(message.me ? ['* ', make('bdi', {}, author), ' '] : []), ...linked(content));
  if (message.reply) text.prepend(quote(room, message));
  if (message.edited) text.append(make('span', { className: 'remark' }, ' (edited)'));
  if (message.seconds) text.append(make('span', { className: 'hidden' }, ` (temporary, ${message.seconds} s)`));
}

/** The start of the message that another one answers. */
function quote(room, message) {
  const answered = room.messages.get(message.reply);
  const author = answered?.author ?? message.replyAuthor ?? '';
  const text = answered ? answered.gone || answered.content : message.replyText ?? '';
  const label = author ? `to ${author}: ${text || 'gone'}` : `to #${message.reply}`;
  return make('span', { className: 'quote', onclick: () => goTo(room, message.reply) }, label);
}

/** Draws the line that shrinks while a temporary message lasts, and erases the message even without a connection. */
function startShrinking(room, message) {
  const age = (Date.now() - message.time) / 1000;
  const left = message.seconds - age;
  message.node.classList.add('temporary');
  message.node.style.setProperty('--lasts', `${message.seconds}s`);
  message.node.style.setProperty('--begun', `${-Math.max(0, age)}s`);
  setTimeout(() => {
    message.gone ||= 'message expired';
    fill(room, message);
  }, Math.max(0, left * 1000));
}

function dayRule(time) {
  const day = time.toLocaleDateString('en-GB', { weekday: 'long', day: 'numeric', month: 'long' });
  return make('div', { className: 'rule' }, sameDay(time, new Date()) ? 'Today' : day);
}

/** A line that is no message: it ends the group of the message before it. */
function notice(room, text, kind) {
  flush();
  const node = make('div', { className: `notice ${kind}` }, text);
  addLine(room, node);
  room.lastShown = room.lastShown && { ...room.lastShown, notice: true };
  room.presence = null;
  if (room === state.current && room.pinned) toBottom(room);
  return node;
}

/** What the server says to the user alone. */
function tell(room, text, isError) {
  notice(room, text, isError ? 'told error' : 'told');
  if (room === state.current) sayAloud(text);
}

/** Who came and went, in one line as long as nothing else comes between. */
function presence(room, name, verb) {
  flush();
  const last = room.presence;
  if (!last || room.tail?.lastElementChild !== last.node) {
    const node = notice(room, '', 'presence');
    room.presence = { node, joined: [], left: [] };
  }
  const { node, joined, left } = room.presence;
  const [here, there] = verb === 'joined' ? [joined, left] : [left, joined];
  if (!here.includes(name)) here.push(name);
  if (there.includes(name)) there.splice(there.indexOf(name), 1);
  node.textContent = [[joined, 'joined'], [left, 'left']]
    .filter(([who]) => who.length)
    .map(([who, what]) => `${who.length > 4 ? `${who.slice(0, 3).join(', ')} and ${who.length - 3} others` : who.join(', ')} ${what}`)
    .join(' · ');
  if (room === state.current && room.pinned) toBottom(room);
}

/** A hairline with a word, behind a message. */
function rule(room, text, after) {
  room.messages.get(after)?.node.after(make('div', { className: 'rule' }, text));
}

function mark(room, message) {
  room.marker?.remove();
  room.marker = make('div', { className: 'rule new' }, 'New');
  message.node.before(room.marker);
}

function unmark(room) {
  room.marker?.remove();
  room.marker = null;
}

/** Removes the oldest blocks of the longest room while the page has too many messages. */
function trim() {
  while (state.messages > MOST_MESSAGES) {
    const rooms = [...state.rooms.values()];
    const room = rooms.reduce((longest, other) => (other.messages.size > longest.messages.size ? other : longest));
    const block = room.lines.firstElementChild;
    if (!block || block === room.tail) return;
    for (const node of block.children) {
      if (room.messages.delete(Number(node.dataset.id))) state.messages -= 1;
    }
    holding(room, () => block.remove());
    room.first = room.messages.keys().next().value ?? Infinity;
    room.complete = false;
  }
}

// ---- Scrolling and history ----

const atBottom = log => log.scrollHeight - log.scrollTop - log.clientHeight < 40;

function toBottom(room) {
  room.log.scrollTop = room.log.scrollHeight;
  room.top = room.log.scrollTop;
}

/** Follows the end of a log whose size changes: blocks are measured only once they are near the screen. */
const sizes = new ResizeObserver(() => {
  if (state.current?.pinned) toBottom(state.current);
});

function scrolled(room) {
  if (room.log.hidden) return;
  const { log } = room;
  if (atBottom(log)) room.pinned = true;
  else if (log.scrollTop < room.top - 1) room.pinned = false;
  room.top = log.scrollTop;
  if (room.pinned) read(room);
  if (log.scrollTop < 600) loadOlder(room);
  drawJump();
}

/** Changes what is above, and keeps what is on the screen where it is. */
function holding(room, alter) {
  const edge = room.log.getBoundingClientRect().top;
  const anchor = [...room.lines.querySelectorAll('.message')].find(node => node.getBoundingClientRect().bottom > edge);
  const before = anchor?.getBoundingClientRect().top;
  alter();
  if (anchor?.isConnected && !room.pinned) room.log.scrollTop += anchor.getBoundingClientRect().top - before;
}

/** Reads older messages and puts them above. */
async function loadOlder(room) {
  if (room.loading || room.complete || !state.online || room.messages.size === 0) return false;
  if (room.messages.size + PAGE > MOST_MESSAGES) return false;
  room.loading = true;
  const before = room.first;
  const answer = await request('history', room.name, '', { before, limit: PAGE }, room.direct);
  room.loading = false;
  const older = answer.items.filter(item => item.action === 'message' && item.id < before && !room.messages.has(item.id));
  if (failed(answer) || !older.length) {
    room.complete = answer.optional.code !== 'lost';
    return false;
  }
  older.sort((one, other) => one.id - other.id);
  prepend(room, older);
  return true;
}

function prepend(room, older) {
  const blocks = [];
  let last = null;
  const known = new Map(room.messages);
  room.messages.clear();
  for (const object of older) {
    const message = keep(object);
    if (!blocks.length || blocks.at(-1).childElementCount >= BLOCK) blocks.push(make('div', { className: 'block full' }));
    if (!last || !sameDay(last.time, message.time)) blocks.at(-1).append(dayRule(message.time));
    blocks.at(-1).append(render(room, message, last));
    last = message;
  }
  for (const [id, message] of known) room.messages.set(id, message);
  room.first = older[0].id;
  holding(room, () => {
    const top = room.lines.firstElementChild?.firstElementChild;
    const next = known.values().next().value;
    if (top?.classList.contains('rule') && next && sameDay(last.time, next.time)) top.remove();
    room.lines.prepend(...blocks);
  });
}

/** Loads older messages until the log is full enough to be scrolled. */
async function fillScreen(room) {
  while (room === state.current && room.log.scrollHeight <= room.log.clientHeight && (await loadOlder(room)));
}

/** Scrolls to a message, loading history up to it. */
async function goTo(room, id) {
  if (room !== state.current) showRoom(room);
  room.pinned = false;
  while (!room.messages.has(id) && id < room.first && (await loadOlder(room)));
  const node = room.messages.get(id)?.node;
  if (!node) return tell(room, 'That message is no longer there.', true);
  node.scrollIntoView({ block: 'center' });
  node.focus({ preventScroll: true });
  node.classList.add('flash');
  setTimeout(() => node.classList.remove('flash'), 2000);
}

function drawJump() {
  const room = state.current;
  $('jump').hidden = !room || room.pinned;
  if (room) $('jump').textContent = room.unread ? `${counted(room.unread, 'new message', 'new messages')}` : 'To the latest messages';
}

$('jump').onclick = () => {
  const room = state.current;
  room.pinned = true;
  toBottom(room);
  read(room);
  drawJump();
  focusText();
};

// ---- Writing ----

const form = $('composer');
const field = $('text');

function focusText() {
  // On a touch screen the keyboard would come up with every room.
  if (matchMedia('(hover: hover)').matches) field.focus();
}

function fitText() {
  field.rows = Math.min(6, field.value.split('\n').length);
}

function updateComposer() {
  $('send').disabled = !state.online;
}

function showStatus(text) {
  $('status').textContent = text;
}

/** Says above the field which message is answered or edited. */
function drawContext() {
  const room = state.current;
  const about = room?.edit ?? room?.reply;
  $('context').hidden = !about;
  if (!about) return;
  $('context-text').textContent = room.edit ? `Editing: ${about.content}` : `Reply to ${about.author}: ${about.content}`;
}

function cancelContext() {
  const room = state.current;
  if (room.edit) setText(room.saved ?? '');
  room.edit = room.reply = null;
  drawContext();
}

function setText(text) {
  field.value = text;
  fitText();
}

function startReply(message) {
  state.current.edit = null;
  state.current.reply = message;
  drawContext();
  field.focus();
}

function startEdit(message) {
  const room = state.current;
  room.saved = field.value;
  room.reply = null;
  room.edit = message;
  setText(message.content);
  drawContext();
  field.focus();
}

function editLast() {
  const own = [...state.current.messages.values()].filter(message => same(message.author, state.me) && !message.gone);
  if (own.length) startEdit(own.at(-1));
}

async function deleteMessage(message) {
  const answer = await request('delete', '', '', { message: message.id });
  if (failed(answer)) tell(state.current, answer.content, true);
}

/** Sends what is in the field. It comes back if the server refuses it. */
async function send() {
  const room = state.current;
  const text = field.value;
  if (!room || !state.online || !text.trim()) return;
  const { edit, reply } = room;
  setText(room.edit ? room.saved ?? '' : '');
  room.edit = room.reply = null;
  $('send-error').textContent = '';
  drawContext();
  unmark(room);
  room.pinned = true;
  toBottom(room);
  const answer = await post(room, text, edit, reply);
  if (!failed(answer)) {
    for (const item of answer.items) if (item.action === 'news') tell(room, item.content, false);
    return;
  }
  const lostIt = answer.optional.code === 'lost';
  if (lostIt) room.unsure = text;
  else if (room === state.current) $('send-error').textContent = answer.content;
  room.edit = edit;
  room.reply = reply;
  if (room !== state.current) room.draft ||= text;
  else if (!field.value) setText(text);
  drawContext();
}

/** A text whose connection broke may have been sent: it leaves the field once it is seen among the messages. */
function dropUnsure(room) {
  if (room === state.current && field.value === room.unsure) setText('');
  if (room.draft === room.unsure) room.draft = '';
  room.unsure = undefined;
}

const COMMAND = /^[:/]([a-z]{2,})(?:\s+([^]*))?$/i;

/** The request for a text: a command, a change, or something said. */
function post(room, text, edit, reply) {
  if (edit) return request('edit', '', text, { message: edit.id });
  if (reply) return request('reply', '', text, { message: reply.id });
  const to = room.direct ? room.name.split(',') : room.name;
  const receiver = Array.isArray(to) && to.length === 1 ? to[0] : to;
  const command = COMMAND.exec(text);
  if (command) return run(room, receiver, command[1].toLowerCase(), (command[2] ?? '').trim(), text.trim());
  if ($('temporary').ariaPressed === 'true') return request('temp', receiver, text, { seconds: Number(state.seconds) }, room.direct);
  return request('say', receiver, text, {}, room.direct);
}

/** Runs a command as it is typed on a terminal. Some of them concern the page too. */
async function run(room, receiver, word, rest, line) {
  const [first, ...more] = rest.split(/\s+/);
  if (word === 'me' && rest) return request('me', receiver, rest, {}, room.direct);
  if (word === 'join' && first) {
    const refusal = await joinRoom(first, more.join(' '));
    if (!refusal) showRoom(findRoom(first));
    return refusal ? { action: 'error', content: refusal, optional: {} } : { action: 'ok', optional: {}, items: [] };
  }
  if (word === 'close') {
    await leaveRoom(room);
    return { action: 'ok', optional: {}, items: [] };
  }
  if (word === 'quit' || word === 'exit' || word === 'logout') {
    await logOut();
    return { action: 'ok', optional: {}, items: [] };
  }
  return request('command', room.direct ? '' : room.name, line.replace(/^\//, ':'));
}

form.onsubmit = event => {
  event.preventDefault();
  send();
  field.focus();
};

$('context-cancel').onclick = () => {
  cancelContext();
  field.focus();
};

$('temporary').onclick = () => {
  if ($('temporary').ariaPressed === 'true') {
    $('temporary').ariaPressed = 'false';
    return;
  }
  askFor({
    title: 'Temporary messages',
    note: 'What you send from now on disappears after this time, for everybody.',
    fields: [{ key: 'seconds', label: 'Seconds', type: 'number', value: state.seconds ?? 30, required: true }],
    button: 'Switch on',
    async run({ seconds }) {
      state.seconds = seconds;
      $('temporary').ariaPressed = 'true';
      $('temporary').title = `Messages last ${seconds} seconds`;
      return '';
    },
  });
};

/** Completes the name before the cursor. Gives false where there is none, and Tab moves on. */
function completeName(backwards) {
  const upTo = field.value.slice(0, field.selectionStart);
  const room = state.current;
  if (!field.value || !room) return false;
  if (!room.completion || room.completion.shown !== upTo) {
    const start = /@?[\p{L}\p{N}_-]*$/u.exec(upTo)[0];
    const wanted = start.replace('@', '').toLowerCase();
    if (!wanted) return false;
    const found = [...room.members.values()].map(member => member.name).filter(name => name.toLowerCase().startsWith(wanted) && !same(name, state.me));
    if (!found.length) return false;
    room.completion = { before: upTo.slice(0, upTo.length - start.length), found: found.sort(), at: backwards ? 0 : -1 };
  }
  const completion = room.completion;
  completion.at = (completion.at + (backwards ? -1 : 1) + completion.found.length) % completion.found.length;
  const name = completion.found[completion.at];
  completion.shown = `${completion.before}${completion.before ? name : `${name}:`} `;
  field.setRangeText(completion.shown, 0, upTo.length, 'end');
  return true;
}

field.oninput = fitText;
field.onkeydown = event => {
  if (event.isComposing) return;
  const plain = !event.altKey && !event.ctrlKey && !event.metaKey;
  if (event.key === 'Enter' && !event.shiftKey && plain) {
    event.preventDefault();
    send();
  } else if (event.key === 'Tab' && plain && completeName(event.shiftKey)) {
    event.preventDefault();
  } else if (event.key === 'ArrowUp' && plain && !field.value && state.current) {
    event.preventDefault();
    editLast();
  }
};

// ---- People ----

function addMember(room, object) {
  const name = object.optional.name ?? object.sender;
  if (name) room.members.set(name.toLowerCase(), { ...object.optional, name });
}

async function refreshMembers(room) {
  if (room.direct) return;
  const answer = await request('members', room.name);
  if (failed(answer)) return;
  room.members.clear();
  for (const item of answer.items) addMember(room, item);
  countPeople(room);
}

const amAdmin = room => Boolean(room.members.get(state.me.toLowerCase())?.admin);

function drawMembers() {
  const room = state.current;
  const members = room ? [...room.members.values()] : [];
  members.sort((one, other) => Number(Boolean(other.admin)) - Number(Boolean(one.admin)) || one.name.localeCompare(other.name));
  $('people').hidden = !room || room.direct;
  $('people-button').hidden = !room || room.direct;
  $('people').ariaLabel = room ? `People in ${room.name}` : 'People';
  $('people-count').textContent = members.length || '';
  const focused = document.activeElement?.dataset?.person;
  $('members').replaceChildren(...members.map(member => make('li', {}, personButton(member))));
  if (focused) [...document.querySelectorAll('.person')].find(button => button.dataset.person === focused)?.focus();
}

function personButton(member) {
  const remarks = [member.admin && 'admin', member.bot && 'bot', member.away && 'away', same(member.name, state.me) && 'you'].filter(Boolean);
  const since = member.since ? `since ${moment(member.since)}` : '';
  const button = make('button', { className: 'plain person', ariaLabel: [member.name, ...remarks, since].filter(Boolean).join(', ') });
  const name = make('bdi', { className: 'name' }, member.name);
  paintName(name, member.name);
  button.append(make('span', { className: 'who' }, name, make('small', {}, remarks.join(', '))));
  if (since) button.append(make('small', { className: 'since' }, since));
  if (typeof member.away === 'string') button.title = member.away;
  button.classList.toggle('away', Boolean(member.away));
  button.dataset.person = member.name;
  button.onclick = () => personMenu(member.name);
  return button;
}

/** A command about a person, in the current room; its news are shown there. */
async function command(line, room = state.current) {
  const answer = await request('command', room && !room.direct ? room.name : '', line);
  if (failed(answer)) return answer.content;
  for (const item of answer.items) if (item.action === 'news' && room) tell(room, item.content, false);
  if (room) refreshMembers(room);
  return '';
}

function openConversation(name) {
  showRoom(openRoom(`@${name}`));
}

/** What can be done about a person; the server decides what is allowed. */
function personMenu(name) {
  const room = state.current;
  const member = room?.members.get(name.toLowerCase());
  if (same(name, state.me)) return selfMenu();
  const entries = [
    ['Send a direct message', () => openConversation(name)],
    ['Mention', () => insertText(`${name}: `)],
    ['Who is this?', () => showPerson(name)],
    ['Hide their messages', () => quietly(`:ignore ${name}`)],
    ['Show their messages again', () => quietly(`:unignore ${name}`)],
  ];
  if (room && !room.direct && amAdmin(room)) {
    entries.push(
      ['Mute', () => askDuration(`Mute ${name}`, 'Mute', 'mute', name)],
      ['Unmute', () => quietly(`:unmute ${name}`)],
      ['Kick', () => askReason(`Kick ${name}`, name)],
      ['Ban', () => askDuration(`Ban ${name}`, 'Ban', 'ban', name, true)],
      member?.admin ? ['Make a member', () => quietly(`:deop ${name}`)] : ['Make an admin', () => quietly(`:op ${name}`)],
    );
  }
  showMenu(name, entries);
}

async function quietly(line) {
  const refusal = await command(line);
  if (refusal && state.current) tell(state.current, refusal, true);
}

function insertText(text) {
  field.setRangeText(text, field.selectionStart, field.selectionEnd, 'end');
  field.focus();
}

function askReason(title, name) {
  askFor({
    title,
    note: 'They can come back after a minute.',
    fields: [{ key: 'reason', label: 'Reason' }],
    button: 'Kick',
    run: ({ reason }) => command(`:kick ${name} ${reason}`.trim()),
  });
}

function askDuration(title, button, word, name, withReason) {
  const fields = [{ key: 'duration', label: 'How long', value: withReason ? '' : '10m', hint: 'For example 10m, 2h or 7d. Empty: until it is lifted.' }];
  if (withReason) fields.push({ key: 'reason', label: 'Reason' });
  askFor({
    title, fields, button,
    run: ({ duration, reason = '' }) => command(`:${word} ${name} ${duration} ${reason}`.replace(/\s+/g, ' ').trim()),
  });
}

async function showPerson(name) {
  const answer = await request('whois', name);
  showText(name, failed(answer) ? [answer.content] : answer.items.map(describe));
}

/** An item of an answer as lines of text. */
function describe(item) {
  if (item.content) return item.content;
  const facts = Object.entries(item.optional).filter(([key]) => key !== 'request');
  return facts.map(([key, value]) => `${key}: ${/^\d{4}-\d\d-\d\dT/.test(value) ? moment(value) : value}`).join('\n');
}

// ---- Dialogs ----

const dialog = $('dialog');

/** Opens the dialog with a title and contents. Closing it gives the focus back. */
function openDialog(title, contents, className = '') {
  if (dialog.open) dialog.close();
  dialog.className = className;
  dialog.replaceChildren(make('h2', { id: 'dialog-title' }, title), ...contents);
  dialog.showModal();
}

dialog.onclick = event => {
  if (event.target === dialog) dialog.close();
};

const closeButton = () => make('div', { className: 'buttons' }, make('button', { type: 'button', onclick: () => dialog.close() }, 'Close'));

function showText(title, lines) {
  openDialog(title, [make('p', { className: 'lines-of', dir: 'auto' }, lines.join('\n')), closeButton()]);
}

function showMenu(title, entries) {
  const list = make('div', { className: 'menu' });
  for (const [label, action] of entries) {
    list.append(make('button', { type: 'button', onclick: () => { dialog.close(); action(); } }, label));
  }
  list.onkeydown = event => moveFocus(event, list.children);
  openDialog(title, [list, closeButton()]);
}

/** Up and Down among some elements. */
function moveFocus(event, elements) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const all = [...elements];
  all[(all.indexOf(document.activeElement) + step + all.length) % all.length]?.focus();
}

/** Asks for some values. `run` gives a sentence to show if they will not do, and then the dialog stays. */
function askFor({ title, note, fields, button, run }) {
  const inputs = {};
  const form = make('form', { method: 'dialog' });
  if (note) form.append(make('p', { className: 'muted' }, note));
  for (const each of fields) form.append(...askedField(each, inputs));
  const error = make('p', { className: 'error', role: 'alert' });
  const submit = make('button', { className: 'primary' }, button);
  const cancel = make('button', { type: 'button', onclick: () => dialog.close() }, 'Cancel');
  form.append(error, make('div', { className: 'buttons' }, cancel, submit));
  form.onsubmit = async event => {
    event.preventDefault();
    submit.disabled = true;
    const values = Object.fromEntries(Object.entries(inputs).map(([key, input]) => [key, input.type === 'checkbox' ? input.checked : input.value]));
    const refusal = await run(values);
    submit.disabled = false;
    error.textContent = refusal;
    if (!refusal && form.isConnected) dialog.close();
  };
  openDialog(title, [form]);
  const empty = Object.values(inputs).find(input => !input.value) ?? Object.values(inputs)[0];
  empty?.focus();
}

function askedField({ key, label, type = 'text', value = '', hint, required = false }, inputs) {
  const id = `ask-${key}`;
  const input = make('input', { id, type, required, autocomplete: type === 'password' ? 'new-password' : 'off', autocapitalize: 'off' });
  inputs[key] = input;
  if (type === 'checkbox') {
    input.checked = value;
    return [make('label', { className: 'choice' }, input, label)];
  }
  input.value = value;
  const parts = [make('label', { htmlFor: id }, label), input];
  if (hint) {
    input.setAttribute('aria-describedby', `${id}-hint`);
    parts.push(make('p', { id: `${id}-hint`, className: 'muted small' }, hint));
  }
  return parts;
}

/** What can be done with the current room. */
function roomMenu() {
  const room = state.current;
  if (room.direct) return showMenu(room.name, [['Who is this?', () => showPerson(room.name)], ['Close the conversation', () => leaveRoom(room)]]);
  const entries = [
    ['About this room', () => showCommand(`About ${room.name}`, ':set')],
    ['Invite people', () => askLine('Invite people', 'Names', 'Invite', names => `:invite ${names}`)],
  ];
  if (amAdmin(room)) {
    entries.push(
      ['Change the description', () => askLine('Description', 'Description', 'Change', text => `:topic ${text}`, roomInfo(room).description)],
      ['Change the settings', () => askSetting()],
      ['Bans', () => showCommand(`Bans in ${room.name}`, ':bans')],
      ['Lift a ban', () => askLine('Lift a ban', 'Name', 'Lift', name => `:unban ${name}`)],
      ['Close the room for good', () => askFor({ title: `Close ${room.name} for good?`, note: 'Everybody leaves it, and its messages are gone.', fields: [], button: 'Close it', run: () => command(':destroy') })],
    );
  }
  entries.push(['Leave the room', () => leaveRoom(room)]);
  showMenu(room.name, entries);
}

function askLine(title, label, button, line, value = '') {
  askFor({
    title, button,
    fields: [{ key: 'text', label, value, required: true }],
    async run({ text }) {
      const refusal = await command(line(text.trim()));
      if (!refusal) reload();
      return refusal;
    },
  });
}

function askSetting() {
  askFor({
    title: 'Settings of the room',
    note: 'limit, password, public, invite, slow, history or keep, and its new value.',
    fields: [{ key: 'key', label: 'Setting', required: true }, { key: 'value', label: 'Value', required: true, hint: 'For example on, off, 8 or 30s.' }],
    button: 'Change',
    async run({ key, value }) {
      const refusal = await command(`:set ${key} ${value}`);
      if (!refusal) reload();
      return refusal;
    },
  });
}

/** Shows what a command answers. */
async function showCommand(title, line) {
  const room = state.current;
  const answer = await request('command', room && !room.direct ? room.name : '', line);
  const lines = failed(answer) ? [answer.content] : answer.items.map(item => item.content);
  showText(title, lines.length ? lines : ['Done.']);
}

/** Goes to a room by some letters of its name. */
function askWhere() {
  const input = make('input', { ariaLabel: 'Room', placeholder: 'Room', autocomplete: 'off' });
  const list = make('div', { className: 'menu' });
  const draw = () => {
    const wanted = input.value.toLowerCase();
    const open = [...state.rooms.values()].map(room => room.name);
    const others = [...state.listed.values()].map(info => info.name).filter(name => !open.some(other => same(other, name)));
    const found = [...open, ...others].filter(name => name.toLowerCase().includes(wanted));
    list.replaceChildren(...found.slice(0, 12).map(name => make('button', { type: 'button', onclick: () => { dialog.close(); go(name); } }, name)));
  };
  const go = name => {
    const room = [...state.rooms.values()].find(each => each.name === name);
    if (room) showRoom(room);
    else enterRoom(name);
  };
  input.oninput = draw;
  const form = make('form', { onsubmit: event => { event.preventDefault(); list.firstElementChild?.click(); } }, input, list);
  form.onkeydown = event => moveFocus(event, [input, ...list.children]);
  draw();
  openDialog('Go to a room', [form]);
  input.focus();
}

const KEYS = [
  ['Enter', 'send'], ['Shift+Enter', 'new line'], ['Up', 'edit your last message'], ['Tab', 'complete a name'],
  ['Alt+Up, Alt+Down', 'room before, next room'], ['Alt+A', 'next room with unread messages'], ['Ctrl+K', 'go to a room'],
  ['Esc', 'to the message field'], ['Up, Down', 'in the messages: from one to the next'],
  ['R, E, Delete', 'on a message: reply, edit, delete'], ['?', 'this list'],
];

function showKeys() {
  const list = make('dl');
  for (const [key, what] of KEYS) list.append(make('dt', {}, make('kbd', {}, key)), make('dd', {}, what));
  openDialog('Keys', [list, make('p', { className: 'muted small' }, 'Lines that begin with / are commands, as on a terminal; /help explains them.'), closeButton()]);
}

// ---- Search ----

function askSearch() {
  const room = state.current;
  const input = make('input', { id: 'search-text', autocomplete: 'off', required: true });
  const everywhere = make('input', { type: 'checkbox' });
  const status = make('p', { className: 'muted small', role: 'status' });
  const list = make('ul', { className: 'results' });
  const form = make('form', {}, make('label', { htmlFor: 'search-text' }, 'Text or pattern'), input);
  if (!room.direct) form.append(make('label', { className: 'choice' }, everywhere, 'In all rooms'));
  form.onsubmit = async event => {
    event.preventDefault();
    const answer = await request('search', everywhere.checked || room.direct ? '' : room.name, input.value);
    const hits = answer.items.filter(item => item.action === 'message');
    status.textContent = failed(answer) ? answer.content : counted(hits.length, 'message found', 'messages found');
    list.replaceChildren(...hits.map(hit => make('li', {}, hitButton(hit))));
  };
  openDialog('Search messages', [form, status, list, closeButton()], 'wide');
  input.focus();
}

/** A message that was found, its hit marked. A click goes to it. */
function hitButton(hit) {
  const { content, optional } = hit;
  const start = optional.start ?? 0;
  const end = start + (optional.length ?? 0);
  const text = make('span', { dir: 'auto' }, content.slice(0, start), make('mark', {}, content.slice(start, end)), content.slice(end));
  const name = make('bdi', { className: 'name' }, hit.sender);
  paintName(name, hit.sender);
  const where = hit.private ? '' : `${hit.receiver} · `;
  return make('button', { type: 'button', onclick: () => { dialog.close(); goTo(roomOf(hit), hit.id); } },
    make('small', {}, `${where}${moment(hit.time)} `), name, ' ', text);
}

// ---- Settings ----

function choice(label, key, options) {
  const select = make('select', { id: `set-${key}` });
  for (const [value, text] of options) select.append(make('option', { value, selected: state.settings[key] === value }, text));
  select.onchange = () => set(key, select.value);
  return [make('label', { htmlFor: `set-${key}` }, label), select];
}

function toggle(label, key) {
  const input = make('input', { type: 'checkbox', checked: state.settings[key] });
  input.onchange = () => set(key, input.checked);
  return make('label', { className: 'choice' }, input, label);
}

function set(key, value) {
  state.settings[key] = value;
  saveSettings();
  applySettings();
}

function showSettings() {
  const amounts = [['all', 'All'], ['mentions', 'Mentions and direct messages'], ['off', 'Off']];
  openDialog('Settings', [
    toggle('Show times', 'times'),
    toggle('Show who joins and leaves', 'presence'),
    ...choice('Theme', 'theme', [['system', 'As the system'], ['light', 'Light'], ['dark', 'Dark']]),
    ...choice('Read messages aloud', 'aloud', amounts),
    ...choice('Sound', 'sound', amounts),
    notifyChoice(),
    closeButton(),
  ]);
}

/** The switch for notifications, or why there is none. */
function notifyChoice() {
  if (!isSecureContext || !('Notification' in globalThis)) {
    return make('p', { className: 'muted small choice' }, 'Browsers show notifications only for pages over https or on localhost. Here the title and the icon of the tab count what is new.');
  }
  const label = toggle('Notifications for mentions and direct messages', 'notify');
  const input = label.firstElementChild;
  input.onchange = async () => {
    const allowed = input.checked && (await Notification.requestPermission()) === 'granted';
    input.checked = allowed;
    set('notify', allowed);
  };
  return label;
}

/** What a user can do about themselves. */
function selfMenu() {
  const entries = [
    ['About you', () => showCommand('About you', ':whoami')],
    ['About this server', showServer],
    ['Away', () => askFor({ title: 'Away', fields: [{ key: 'text', label: 'Note', hint: 'Those who write to you read it.' }], button: 'Mark as away', run: ({ text }) => command(`:away ${text}`.trim()) })],
    ['Back', () => quietly(':back')],
    ['Change your name', () => askLine('Your name', 'New name', 'Change', name => `:nick ${name}`, state.me)],
  ];
  if (state.welcome?.optional.accounts !== false && state.welcome?.optional.accounts !== 'off') {
    if (state.user.includes('#')) entries.push(['Change the password', changePassword], ['Delete the account', deleteAccount]);
    else entries.push(['Register this name', register]);
  }
  entries.push(['Settings', showSettings], ['Keys', showKeys], ['Stop the server', stopServer], ['Log out', logOut]);
  showMenu(state.me, entries);
}

function showServer() {
  const { content = '', optional = {} } = state.welcome ?? {};
  const facts = Object.entries(optional).filter(([key]) => key !== 'request').map(([key, value]) => `${key.replaceAll('_', ' ')}: ${value}`);
  showText('About this server', [content, ...facts].filter(Boolean));
}

function register() {
  askFor({
    title: `Register ${state.me}`,
    note: 'From then on the name needs this password.',
    fields: [{ key: 'password', label: 'New password', type: 'password', required: true }],
    button: 'Register',
    async run({ password }) {
      const answer = await request('register', '', '', { password });
      if (failed(answer)) return answer.content;
      state.password = password;
      state.user = answer.optional.user ?? `${state.me}#`;
      return '';
    },
  });
}

function changePassword() {
  askFor({
    title: 'Change the password',
    fields: [{ key: 'old', label: 'Password', type: 'password', required: true }, { key: 'fresh', label: 'New password', type: 'password', required: true }],
    button: 'Change',
    async run({ old, fresh }) {
      const answer = await request('passwd', '', '', { password: old, new_password: fresh });
      if (failed(answer)) return answer.content;
      state.password = fresh;
      return '';
    },
  });
}

function deleteAccount() {
  askFor({
    title: 'Delete the account',
    note: 'The name is free once you leave.',
    fields: [{ key: 'password', label: 'Password', type: 'password', required: true }],
    button: 'Delete it for good',
    async run({ password }) {
      const answer = await request('unregister', '', '', { password });
      if (failed(answer)) return answer.content;
      state.password = '';
      state.user = state.me;
      return '';
    },
  });
}

function stopServer() {
  askFor({
    title: 'Stop the server',
    note: 'For those who have its exit code, which it prints when it starts.',
    fields: [{ key: 'code', label: 'Exit code', required: true }],
    button: 'Stop it',
    run: ({ code }) => command(`:shutdown ${code.trim()}`),
  });
}

// ---- Attention ----

/** The room being read: on the screen, at its end, in a visible page. */
const attended = () => (!document.hidden && state.current?.pinned ? state.current : null);

/** Counts a new message, and draws attention to it as the settings say. */
function attend(room, object) {
  if (same(object.sender, state.me) || room.messages.has(object.id)) return;
  const toMe = room.direct || mentions(object.content, state.me);
  if (room !== attended()) {
    if (!room.unread && !room.marker) object.unreadFirst = true;
    room.unread += 1;
    room.mentioned ||= toMe;
    drawSoon();
  }
  if (object.optional.history) return;
  const spoken = `${object.sender}${room === state.current ? '' : ` in ${room.name}`}: ${object.content}`;
  if (toMe && state.settings.aloud !== 'off') sayAloud(spoken, $('mentions'));
  else if (room === state.current && state.settings.aloud === 'all') sayAloud(spoken);
  if (state.settings.sound === 'all' || (toMe && state.settings.sound === 'mentions')) beep();
  if (toMe && state.settings.notify && room !== attended()) notify(room, object);
}

/** Draws rooms and counts with the next frame, once for many messages. */
function drawSoon() {
  if (state.drawing) return;
  state.drawing = true;
  const draw = () => {
    state.drawing = false;
    drawRooms();
    drawJump();
  };
  if (document.hidden) setTimeout(draw, 100);
  else requestAnimationFrame(draw);
}

/** The messages of a room have been read, if it is the one attended to. */
function read(room) {
  if (room !== attended()) return;
  if (room.unread) {
    room.unread = 0;
    room.mentioned = false;
    drawSoon();
  }
  if (room.last > room.lastSeen && !room.direct && state.online) {
    room.lastSeen = room.last;
    clearTimeout(state.seeing);
    state.seeing = setTimeout(() => request('seen', room.name, '', { message: room.last }), 1000);
  }
}

/** Gives a line to the screen reader. Only the last ones stay, one by one, so that none is read twice. */
function sayAloud(text, region = $('live')) {
  region.append(make('p', {}, text));
  while (region.childElementCount > 20) region.firstElementChild.remove();
}

function beep() {
  const audio = (state.audio ??= new AudioContext());
  const tone = audio.createOscillator();
  const volume = audio.createGain();
  tone.frequency.value = 660;
  volume.gain.setValueAtTime(0.08, audio.currentTime);
  volume.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + 0.2);
  tone.connect(volume).connect(audio.destination);
  tone.start();
  tone.stop(audio.currentTime + 0.2);
}

function notify(room, object) {
  const shown = new Notification(`${object.sender}${room.direct ? '' : ` in ${room.name}`}`, { body: object.content, tag: room.key });
  shown.onclick = () => {
    window.focus();
    showRoom(room);
  };
}

/** The title counts what is unread, and the icon gets a dot. */
function drawTitle() {
  const unread = [...state.rooms.values()].reduce((sum, room) => sum + (room === attended() ? 0 : room.unread), 0);
  const name = state.current?.name ?? 'chatsock';
  document.title = unread ? `(${unread}) ${name}` : name;
  $('rooms-count').textContent = unread;
  $('rooms-count').hidden = !unread;
  $('rooms-button').ariaLabel = unread ? `Rooms, ${unread} unread` : 'Rooms';
  const dot = unread ? "<circle cx='12' cy='4' r='4' fill='%23c2410c'/>" : '';
  const href = `data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'><path d='M2 3h12v8H7l-3 3v-3H2z' fill='%230f6b5c'/>${dot}</svg>`;
  if ($('icon').getAttribute('href') !== href) $('icon').href = href;
}

// ---- Panels and keys ----

function openPanel(id) {
  $(id).classList.add('open');
  $(`${id}-button`).ariaExpanded = 'true';
  if (!matchMedia('(max-width: 60rem)').matches || (id === 'rooms' && !matchMedia('(max-width: 44rem)').matches)) return;
  $(`${id}-close`).focus();
  if (id === 'rooms') reload();
}

function closePanels() {
  for (const id of ['rooms', 'people']) {
    $(id).classList.remove('open');
    $(`${id}-button`).ariaExpanded = 'false';
  }
}

for (const id of ['rooms', 'people']) {
  $(`${id}-button`).onclick = () => openPanel(id);
  $(`${id}-close`).onclick = () => {
    closePanels();
    $(`${id}-button`).focus();
  };
}
$('empty-rooms').onclick = () => openPanel('rooms');
$('reload').onclick = reload;
$('join-button').onclick = () => askRoom();
$('new-button').onclick = askNewRoom;
$('settings-button').onclick = showSettings;
$('self-button').onclick = selfMenu;
$('search-button').onclick = askSearch;
$('room-menu').onclick = roomMenu;

/** The buttons of a message; they are in the message that is pointed at or has the focus. */
const tools = make('div', { className: 'tools', role: 'toolbar', ariaLabel: 'This message' });

function messageAt(element) {
  const node = element?.closest?.('.message');
  return node && state.current ? state.current.messages.get(Number(node.dataset.id)) : undefined;
}

function showTools(event) {
  const message = messageAt(event.target);
  if (!message || message.gone) return tools.remove();
  if (tools.parentElement === message.node) return;
  const own = same(message.author, state.me);
  const button = (label, action) => make('button', { type: 'button', onclick: () => action(message) }, label);
  tools.replaceChildren(button('Reply', startReply));
  if (own) tools.append(button('Edit', startEdit));
  if (own || amAdmin(state.current)) tools.append(button('Delete', deleteMessage));
  message.node.append(tools);
}

$('logs').onmouseover = showTools;
$('logs').onfocusin = showTools;
$('logs').addEventListener('focusin', showTools);
$('logs').onmouseleave = () => tools.remove();
$('logs').onclick = event => {
  const message = messageAt(event.target);
  if (message && event.target.classList.contains('name')) personMenu(message.author);
};

/** Keys in the messages: from one to the next, and what to do with it. */
$('logs').onkeydown = event => {
  const message = messageAt(event.target);
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step && !event.altKey) {
    event.preventDefault();
    const all = [...state.current.messages.values()];
    const at = message ? all.indexOf(message) + step : all.length - 1;
    all[at]?.node.focus();
  } else if (message && !event.ctrlKey && !event.altKey && !event.metaKey) {
    const own = same(message.author, state.me);
    if (event.key === 'r') startReply(message);
    else if (event.key === 'e' && own) startEdit(message);
    else if (event.key === 'Delete') deleteMessage(message);
    else return;
    event.preventDefault();
  }
};

function stepRoom(step) {
  const keys = [...document.querySelectorAll('#joined .room, #direct .room')].map(button => button.dataset.key);
  if (!keys.length) return;
  const at = keys.indexOf(state.current?.key);
  showRoom(state.rooms.get(keys[(at + step + keys.length) % keys.length]));
}

function nextUnread() {
  const rooms = [...state.rooms.values()].filter(room => room.unread && room !== state.current);
  const next = rooms.find(room => room.mentioned) ?? rooms[0];
  if (next) showRoom(next);
}

document.onkeydown = event => {
  if (!state.me || dialog.open) return;
  const typing = event.target.matches?.('input, textarea, select');
  if (event.altKey && event.key === 'ArrowUp') stepRoom(-1);
  else if (event.altKey && event.key === 'ArrowDown') stepRoom(1);
  else if (event.altKey && event.code === 'KeyA') nextUnread();
  else if ((event.ctrlKey || event.metaKey) && event.key === 'k') askWhere();
  else if (event.key === 'Escape') escape();
  else if (event.key === '?' && !typing) showKeys();
  else return;
  event.preventDefault();
};

function escape() {
  const open = document.querySelector('.open');
  if (open) {
    closePanels();
    $(`${open.id}-button`).focus();
    return;
  }
  if (state.current && document.activeElement === field) cancelContext();
  field.focus();
}

// ---- Start ----

document.onvisibilitychange = () => {
  if (document.hidden) return;
  flush();
  hurry();
  checkLife();
  if (state.current) read(state.current);
  drawRooms();
};
addEventListener('online', hurry);
setInterval(checkLife, 5000);
loadSettings();
applySettings();
drawTitle();
$('login-name').focus();
