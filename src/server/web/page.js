'use strict';
// The page of chatsock. Text of other users reaches the document only as text nodes.
//
// In this order: helpers, state, connection, login, events, rooms, messages, scrolling and history, writing, files,
// people, dialogs, search, settings, attention, drawing, buttons and keys, start.

// ---- Helpers ----

/** Most messages in the page, over all rooms. The oldest are removed; scrolling up loads them again. */
const MOST_MESSAGES = 10_000;
/** Messages in a block. The browser skips the layout of invisible blocks; for single messages, that would cost more than it saves. */
const BLOCK = 50;
/** Messages loaded at once when scrolling up. The server sends at most 200. */
const PAGE = 100;
/** Most people in a room whose members are read again every now and then. */
const SMALL_ROOM = 50;
/** Most people shown in the list. */
const MOST_PEOPLE = 300;
/** Messages of one author within this time share one name. */
const GROUPED_MS = 5 * 60_000;
/** After the first time without data the server is pinged, and after the second the connection counts as dead. Timers in hidden
    tabs run once a minute. */
const QUIET_MS = 30_000, DEAD_MS = 75_000;
/** How long a connection may take to open. */
const OPENING_MS = 10_000;
/** How long messages last while the switch for temporary messages is on. `/temp 60 text` is for other times. */
const TEMPORARY_SECONDS = 30;
/** How many times to try to get our name back: the server may not have noticed yet that the connection was lost. */
const NAME_TRIES = 5;

// Short, because they are used so often.
const doc = document;
const put = Object.assign;
const $ = id => doc.getElementById(id);

/** An element, as in `p.muted`, with properties, children and texts. */
function make(selector, ...parts) {
  const [tag, ...classes] = selector.split('.');
  const element = doc.createElement(tag);
  element.className = classes.join(' ');
  for (const part of parts) {
    if (part.constructor === Object) put(element, part);
    else element.append(part);
  }
  return element;
}

const write = (id, content) => ($(id).textContent = content);
const hide = (id, hidden) => ($(id).hidden = hidden);
const lockIf = locked => (locked ? [$('lock').content.firstChild.cloneNode(true)] : []);
const bdi = name => paint(make('bdi.name', name), name);
const counted = (count, one, many) => `${count} ${count === 1 ? one : many}`;
const people = count => counted(count, 'person', 'people');
const fold = name => name.toLowerCase();
const same = (a, b) => fold(a) === fold(b);
const isMe = name => same(name, my.me);
const clock = time => `${String(time.getHours()).padStart(2, '0')}:${String(time.getMinutes()).padStart(2, '0')}`;
const sameDay = (a, b) => a.getDate() === b.getDate() && Math.abs(a - b) < 86_400_000;

/** `13:58`, or `28 Nov` on another day. */
function moment(text) {
  const time = new Date(text);
  return sameDay(time, new Date()) ? clock(time) : time.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' });
}

/** Gives an element the colour of a name: the same on every page, in either case. */
function paint(element, name) {
  let hash = 7;
  for (const letter of fold(name)) hash = (hash * 31 + letter.codePointAt(0)) >>> 0;
  element.style.setProperty('--hue', (hash * 137) % 360);
  return element;
}

/** The parts of a text, with its URLs as links. */
function linked(text) {
  const parts = [];
  let done = 0;
  if (!text.includes('://')) return [text];
  for (const { 0: found, index } of text.matchAll(/\bhttps?:\/\/[^\s<>"]+/gi)) {
    const href = found.replace(/[.,;:!?'"\])}]+$/, '');
    parts.push(text.slice(done, index), make('a', { href, target: '_blank', rel: 'noopener noreferrer nofollow' }, href));
    done = index + href.length;
  }
  return [...parts, text.slice(done)];
}

/** Reads or writes settings stored in the browser. Without storage, they last as long as the page. */
function stored(change) {
  try {
    if (change) localStorage.setItem('chatsock', JSON.stringify(change));
    return JSON.parse(localStorage.getItem('chatsock') ?? '{}');
  } catch {
    return {};
  }
}

// ---- State ----

const my = {
  socket: null,
  /** Logged in, and the connection is open. */
  online: false,
  /** Failed connections in a row, and the timers of the next one. */
  tries: 0, retry: 0, opening: 0,
  /** The server's last sentence before it closed the connection. */
  bye: '',
  /** The code that restores name and rooms on another server when this one restarts. */
  code: '',
  heard: 0, listedAt: 0,
  /** Pending requests: id -> { action, items, resolve }. */
  pending: new Map(), requests: 0,
  welcome: null,
  /** The entered name and password. The password is only in memory, for the next connection. */
  name: '', password: '',
  /** Whether a login ends the user's other connection. */
  takeover: false,
  /** The user's name once logged in, and the pattern that finds it in a text. */
  me: '', mention: /$^/,
  /** Rooms and conversations the user is in, by key. A conversation's key is `@bob`. */
  rooms: new Map(),
  current: null,
  /** Offers and transfers: the number of the offer -> its line in a conversation. */
  transfers: new Map(),
  /** Rooms the server lists, by name in lower case. */
  listed: new Map(),
  messages: 0,
  /** The function that gets the files being chosen. */
  picked: null,
  /** Seconds that messages last while the switch for temporary messages is on, otherwise 0. */
  seconds: 0,
  /** The frame or timer of the next drawing, whether the people are to be drawn again, and the texts to be read aloud. */
  frame: 0, stale: true, spoken: [],
  beeped: 0,
  settings: { times: true, presence: true, sound: 'off', aloud: 'all', theme: 'system', notify: false, ...stored() },
};

// ---- Connection ----

function connect() {
  disconnect();
  my.bye = '';
  const socket = new WebSocket(new URL('ws', location.href.replace(/^http/, 'ws')), 'chatsock.v1');
  my.socket = socket;
  my.opening = setTimeout(lost, OPENING_MS, {});
  socket.onopen = () => {
    clearTimeout(my.opening);
    my.heard = Date.now();
    logIn();
  };
  socket.onmessage = ({ data }) => {
    my.heard = Date.now();
    for (const line of data.split('\n')) if (line) receive(JSON.parse(line));
  };
  socket.onclose = lost;
}

/** Closes the connection. Its handlers are removed first, so that late events are not taken for the next connection's. */
function disconnect() {
  const { socket, pending } = my;
  clearTimeout(my.opening);
  clearTimeout(my.retry);
  put(my, { socket: null, online: false, pending: new Map() });
  if (socket) {
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }
  for (const { resolve } of pending.values()) resolve(LOST);
  transfersLost();
}

const LOST = { error: 'There is no connection.', optional: { code: 'lost' }, items: [] };

/** Handles the loss of the connection. A user who was logged in is reconnected, unless the server closed for policy (1008, RFC 6455,
    section 7.4.1). */
function lost({ code, reason }) {
  disconnect();
  if (!my.me || code === 1008) return showLogin(reason || my.bye || 'The server cannot be reached. Please try again.');
  write('status', 'Reconnecting...');
  const wait = my.tries && Math.min(30_000, 500 * 2 ** my.tries) * (0.75 + Math.random() / 2);
  my.tries += 1;
  my.retry = setTimeout(connect, wait);
  update();
}

/** Connects without waiting for the next attempt, since the machine is online again or the page is visible. */
function hurry() {
  if (my.me && !my.socket && $('login').hidden) connect();
}

/** Pings a silent server, and reconnects if it does not answer. */
function checkLife() {
  if (!my.online) return;
  const silence = Date.now() - my.heard;
  if (silence > DEAD_MS) lost({});
  else if (silence > QUIET_MS) request('ping');
  else if (!doc.hidden && Date.now() - my.listedAt > QUIET_MS) reload();
}

/** Sends a request about a room, given by its name or as an object. Resolves to the answer, with the `items` sent before it and, if
    it is an error, the server's sentence as `error`. */
function request(action, room = '', content = '', optional = {}) {
  if (my.socket?.readyState !== WebSocket.OPEN) return Promise.resolve(LOST);
  return new Promise(resolve => {
    const id = `p${++my.requests}`;
    my.pending.set(id, { action, items: [], resolve });
    const receiver = room.direct ? room.name.split(',') : room.name ?? room;
    my.socket.send(JSON.stringify({ id, action, receiver, content, private: Boolean(room.direct), optional }));
  });
}

/** The action of the items in the answers to some requests. Other objects are events that happen meanwhile. */
const ITEMS = { history: 'message', search: 'message', command: 'message', rooms: 'room', members: 'member', whois: 'person' };

/** Handles one object: an answer, an item of an answer, or an event. */
function receive(object) {
  const { id, action, optional } = object;
  const asked = my.pending.get(optional.request);
  const answered = my.pending.get(id) ?? (asked?.unknown && asked);
  if (answered && optional.unknown) {
    // The server does not know yet, and answers again when it does.
    answered.unknown = true;
    events.error(object);
  } else if (answered) {
    my.pending.delete(id ?? optional.request);
    answered.resolve({ ...object, items: answered.items, error: action === 'error' && object.content });
  } else if (asked && (['news', 'hidden'].includes(action) || action === ITEMS[asked.action])) asked.items.push(object);
  else events[action]?.(object);
}

// ---- Login ----

function showLogin(error, note = '') {
  hide('chat', true);
  $('login').hidden = $('login-button').disabled = false;
  write('login-error', error);
  if (note) write('login-note', note);
  $('login-name').value ||= my.name;
  doc.title = 'chatsock';
  $('login-name').focus();
}

$('login-form').onsubmit = event => {
  event.preventDefault();
  const name = $('login-name').value.trim();
  my.takeover &&= same(name, my.name);
  my.name = name;
  my.password = $('login-password').value;
  write('login-error', '');
  $('login-button').disabled = true;
  my.tries = 0;
  if (my.socket?.readyState === WebSocket.OPEN) logIn();
  else connect();
};

/** Says hello and logs in, on the first connection and on each later one. */
async function logIn() {
  const { optional: { started } = {} } = my.welcome ?? {};
  my.welcome = await request('hello', '', '', { version: 1 });
  const answer = my.welcome.error ? my.welcome : await request('login', '', my.name, { ...secret(my.password), ...(my.code && { code: my.code }), takeover: my.takeover || Boolean(my.me) });
  if (answer.error) return refused(answer);
  const again = my.me;
  setMe(answer.optional.user.split('#')[0]);
  put(my, { online: true, tries: 0, code: '' });
  // A refused login had replaced this handler.
  my.socket.onclose = lost;
  $('login-password').value = write('status', '');
  const arrives = !$('login').hidden;
  hide('login', true);
  hide('chat', false);
  if (arrives) showRoom(my.current);
  if (again && my.welcome.optional.started !== started) allRooms().forEach(forgetNumbers);
  if (again) await rejoin();
  await reload();
  if (!my.current && my.rooms.size) showRoom(allRooms()[0]);
  else if (!my.current && matchMedia('(max-width: 44rem)').matches) $('rooms').showPopover();
}

const secret = password => (password ? { password } : {});

function refused({ error, optional: { code, password } }) {
  if (code === 'lost') return;
  if (my.me && code === 'taken' && my.tries < NAME_TRIES) return lost({});
  // The connection stays open for another try, unless the server closes it first.
  my.socket.onclose = disconnect;
  my.takeover = code === 'taken' && Boolean(my.password);
  write('login-button', my.takeover ? 'Log in here instead' : 'Log in');
  showLogin(error);
  if (password) $('login-password').select();
}

function setMe(name) {
  // Under another name the user is a guest.
  if (my.me && !isMe(name)) my.password = '';
  my.me = my.name = name;
  const letter = '[\\p{L}\\p{M}\\p{N}_-]';
  my.mention = new RegExp(`(?<!${letter})${name}(?!${letter})`, 'iu');
  $('self-button').replaceChildren(bdi(name));
  $('self-button').ariaLabel = `${name}, you`;
}

/** Joins the rooms again after a lost connection, and loads the messages since the last one seen in each. The server keeps direct
    messages only for accounts; it does not recognise a guest who comes back. */
async function rejoin() {
  for (const room of allRooms().filter(room => room.direct)) {
    const last = lastId(room);
    if (!my.password) notice(room, 'The connection was lost: messages sent meanwhile may be missing here.', 'news');
    const { items } = await request('history', room, '', { limit: PAGE });
    room.resuming = true;
    for (const item of items) if (item.action === 'message' && item.id > last) events.message(item);
    flush();
    room.resuming = false;
    review(room, last + 1);
  }
  for (const room of allRooms().filter(room => !room.direct)) {
    const error = await joinRoom(room.name, room.password);
    if (error) tell(room, error, true);
  }
}

/** Reads the messages before a number again, which may have been edited or deleted meanwhile. The server sends each message from
    `from` on, or an object that hides it; the missing ones are deleted. */
async function review(room, before) {
  while (firstId(room) < before) {
    const { items, optional: { wait, from } } = await request('history', room, '', { limit: 2 * PAGE, before });
    if (wait) await new Promise(done => setTimeout(done, wait));
    else if (!from) return;
    else {
      const there = new Map(items.map(item => [item.id, item]));
      for (const message of room.messages.values()) {
        const { id, content } = message;
        const item = there.get(id);
        if (id < from || id >= before) continue;
        if (!item) events.deleted(message);
        else if (item.content && item.content !== content) events.edited(item);
      }
      before = there.has(from) && from;
    }
  }
}

async function logOut() {
  await request('quit');
  for (const room of my.rooms.values()) removeRoom(room);
  put(my, { me: '', password: '' });
  disconnect();
  showLogin('', 'You are logged out.');
}

// ---- Events ----

const events = {
  message(object) {
    const room = roomOf(object);
    room.incoming.push(object);
    if (!object.optional.history || room.resuming) attend(room, object);
    update();
  },
  edited: object => change(object, { content: object.content, edited: true }),
  deleted: object => change(object, { gone: 'message deleted' }),
  expired: object => change(object, { gone: 'message expired' }),
  joined: comeOrGo,
  left: comeOrGo,
  kicked({ receiver, content, optional }) {
    const room = my.rooms.get(receiver);
    if (!room) return;
    room.members.delete(fold(optional.user));
    notice(room, content, 'news');
    peopleChanged();
    if (!isMe(optional.user)) return;
    removeRoom(room);
    inform(receiver, content);
  },
  renamed({ sender, receiver, content, private: direct, optional: { before } }) {
    if (isMe(before)) setMe(sender);
    const room = my.rooms.get(direct ? `@${before}` : receiver);
    if (!room) return;
    notice(room, content, 'presence');
    if (direct) return renameConversation(room, sender);
    room.members.set(fold(sender), { ...room.members.get(fold(before)), name: sender });
    if (!same(sender, before)) room.members.delete(fold(before));
    peopleChanged();
  },
  room({ receiver, content, optional }) {
    const room = my.rooms.get(receiver);
    if (room && content) notice(room, content, 'news');
    if (optional.change === 'gone') {
      my.listed.delete(fold(receiver));
      if (room) removeRoom(room);
    } else {
      if (room) readPeople(room);
      // Several changes may come together: reload once after the last.
      clearTimeout(my.listing);
      my.listing = setTimeout(reload, 300);
    }
    update();
  },
  offer(object) {
    const { sender, optional: { offer, name, size } } = object;
    const room = roomOf(object);
    const row = transferRow(room, offer, name);
    row.show([`${sender} offers you `, size === undefined ? '' : ` (${amount(size)})`, '.'], action('Accept', () => accept(row)), decline(row, 'Decline'));
    attend(room, { ...object, content: `offers you ${name}` });
  },
  transfer(object) {
    const { sender, content, optional: { offer, name, state, token, from = 0 } } = object;
    const row = transferRow(roomOf(object), offer, name);
    if (state !== 'accepted') return row.end(content, state !== 'done');
    put(row, { token, from });
    if (!isMe(sender)) download(row);
    else if (row.file) upload(row);
    else row.show([`${row.room.name} takes `, '.'], action('Choose the file', () => pick(([file]) => upload(put(row, { file })))), decline(row, 'Cancel'));
  },
  news: ({ receiver, content }) => tell(my.rooms.get(receiver) ?? my.current, content),
  error: ({ content }) => tell(my.current, content, true),
  bye: ({ content, optional: { code } }) => put(my, { bye: content, code: code || my.code }),
};

/** The room or conversation that an object belongs to. */
function roomOf({ private: direct, sender, receiver }) {
  if (!direct) return openRoom(receiver);
  const others = [...new Set([sender, receiver].flat())].filter(name => !isMe(name));
  return openRoom(`@${others.length ? others.sort().join(',') : my.me}`);
}

function renameConversation(room, name) {
  my.rooms.delete(room.key);
  put(room, { name, key: `@${name}` });
  my.rooms.set(room.key, room);
  room.log.ariaLabel = `Messages in ${name}`;
  if (room === my.current) showRoom(room);
}

/** Changes a message and the quotes of it. */
function change({ id }, changes) {
  flush();
  for (const room of my.rooms.values()) {
    const message = room.messages.get(id);
    if (!message || message.gone) continue;
    put(message, changes);
    for (const each of room.messages.values()) if (each === message || each.reply === id) fill(room, each);
  }
}

/** Shows joins and leaves, successive ones in one line. */
function comeOrGo({ action, sender, receiver, content, time, private: direct, optional }) {
  const room = my.rooms.get(direct ? `@${sender}` : receiver);
  if (direct) return room && notice(room, content, 'presence');
  if (isMe(sender)) return action === 'left' ? removeRoom(room) : readPeople(openRoom(receiver));
  if (!room) return;
  if (action === 'left') room.members.delete(fold(sender));
  else room.members.set(fold(sender), { name: sender, since: time });
  flush();
  if (room.presence?.action !== action || room.presence.node !== room.tail.lastChild) {
    room.presence = { action, node: notice(room, '', 'presence'), names: new Set(), more: 0 };
  }
  const { node, names } = room.presence;
  names.add(sender);
  room.presence.more += optional.more ?? 0;
  const rest = names.size + room.presence.more - 3;
  const told = [...names].slice(0, rest > 1 ? 3 : 4).join(', ');
  node.textContent = `${told}${rest > 1 ? ` and ${rest} others` : ''} ${action}`;
  peopleChanged();
}

// ---- Rooms ----

/** The room or conversation with this key, created if it does not exist. */
function openRoom(key) {
  if (my.rooms.has(key)) return my.rooms.get(key);
  const direct = key.startsWith('@');
  const name = direct ? key.slice(1) : key;
  const lines = make('div.lines');
  const log = make('div.log', { role: 'log', ariaLive: 'off', ariaLabel: `Messages in ${name}`, tabIndex: 0, hidden: true }, lines);
  const room = {
    key, name, direct, log, lines, password: '',
    messages: new Map(), members: new Map(), incoming: [],
    /** The block for new lines, the last message, and whether another line follows that. */
    tail: null, last: null, apart: false, presence: null, marker: null,
    /** Whether all older messages are loaded, whether some are being loaded, and whether those missed while offline are. */
    complete: false, loading: false, resuming: false,
    /** Whether the end of the log stays on the screen, the scroll position, and the size of the log then. */
    pinned: true, top: 0, size: '',
    unread: 0, mentioned: false, seen: 0,
    /** The text in the field, a text that may have been sent when the connection broke, and the message being answered or edited. */
    draft: '', unsure: null, reply: null, edit: null,
  };
  $('logs').append(log);
  log.onscroll = () => scrolled(room);
  for (const element of [log, lines]) sizes.observe(element);
  my.rooms.set(key, room);
  update();
  return room;
}

function removeRoom(room) {
  if (!my.rooms.delete(room?.key)) return;
  my.messages -= room.messages.size;
  room.log.remove();
  if (room === my.current) showRoom(allRooms().at(-1) ?? null);
  reload();
}

/** Forgets the numbers of messages, since a restarted server numbers from 1. The messages here can only be read from now on. */
function forgetNumbers(room) {
  for (const { node } of room.messages.values()) delete node.dataset.id;
  my.messages -= room.messages.size;
  room.messages.clear();
  room.restart = make('div.rule', 'The server has started again');
  room.lines.append(room.restart);
  put(room, { tail: null, last: null, presence: null, complete: false, seen: 0, reply: null, edit: null });
}

const list = info => my.listed.set(fold(info.name), info);
const infoOf = room => (room.direct ? {} : my.listed.get(fold(room.name)) ?? {});
const allRooms = () => [...my.rooms.values()];
const findRoom = name => allRooms().find(room => !room.direct && same(room.name, name));
const lastId = room => room.last?.id ?? 0;
const firstId = room => room.messages.keys().next().value;

/** Reads the list of rooms from the server. Joins those that the user is in without `join`, by a login or a command. */
async function reload() {
  my.listedAt = Date.now();
  // There is no event for away states.
  if (my.current?.members.size < SMALL_ROOM) readPeople(my.current);
  const { error, items } = await request('rooms');
  if (error) return;
  my.listed.clear();
  for (const { optional } of items) list(optional);
  for (const { name, joined, unread } of my.listed.values()) {
    if (!joined || findRoom(name)) continue;
    await joinRoom(name);
    put(findRoom(name) ?? {}, { unread });
  }
  update();
}

/** Joins a room. Resolves to the server's sentence if it is refused. */
async function joinRoom(name, password = '') {
  flush();
  const known = findRoom(name);
  const after = known && lastId(known);
  if (known) known.resuming = Boolean(after);
  const { error, receiver, optional } = await request('join', name, '', { ...secret(password), ...(after && { after }) });
  flush();
  if (known) known.resuming = false;
  if (error) return error;
  const room = known ?? openRoom(receiver || name);
  room.password = password;
  const { gap, lost_from: lost } = optional;
  const note = gap ? 'Some messages are missing here' : after >= lost && 'The server lost the last messages';
  if (note && after) room.messages.get(after)?.node.after(make('div.rule', note));
  // Messages that the server has lost can still be read here.
  if (after) review(room, lost ?? after + 1);
  await readPeople(room);
  return '';
}

/** Shows a room, and joins it first if necessary. */
async function enterRoom(name, password) {
  if (!findRoom(name)) {
    if (my.listed.get(fold(name))?.password && password === undefined) return askRoom(name);
    const error = await joinRoom(name, password);
    if (error) return error;
  }
  showRoom(findRoom(name) ?? my.current);
  return '';
}

async function clickRoom(name) {
  const error = await enterRoom(name);
  inform(name, error);
}

function askRoom(name = '') {
  ask(name ? `Join ${name}` : 'Join a room', name ? `${name} has a password.` : 'Rooms that are not in the list can be entered by name.',
    [['Room', name], ['Room password', '', '', 'password']], 'Join', (room, password) => enterRoom(room.trim(), password));
}

function askNewRoom() {
  ask('New room', '', [['Room'], ['Room password', '', 'Empty for a room that needs none.', 'password'],
    ['In the list of rooms', true, '', 'checkbox']], 'Make it', async (name, password, listed) => {
    const { error } = await request('create', name.trim(), '', { ...secret(password), public: listed });
    return error || enterRoom(name.trim(), password);
  });
}

/** Shows the conversation with a user who is online. Resolves to the server's sentence if they are not. */
async function converse(name) {
  const { error, items } = await request('whois', name);
  if (!error) showRoom(openRoom(`@${items[0].sender}`));
  return error;
}

async function leaveRoom(room) {
  if (!room.direct) await request('close', room);
  removeRoom(room);
}

/** Shows a room. */
function showRoom(room) {
  const before = my.current;
  if (before) {
    before.draft = field.value;
    before.log.hidden = true;
    if (before !== room && !before.unread) mark(before);
  }
  my.current = room;
  hide('empty', Boolean(room));
  write('send-error', '');
  // If it were closed later, the focus would return to the element that opened it.
  closeDialog();
  openPanel()?.hidePopover();
  flush();
  if (room) {
    room.log.hidden = false;
    if (room.pinned) toBottom(room);
    else room.log.scrollTop = room.top;
    setText(room.draft);
    field.ariaLabel = `Message ${room.name}`;
    read(room);
    scrolled(room);
  }
  my.stale = true;
  draw();
  // On a touch screen, the focus would open the keyboard.
  if (room && !matchMedia('(pointer: coarse)').matches) field.focus();
}

// ---- Messages ----

/** Draws with the next frame, or soon if the page is hidden and has no frames. */
function update() {
  my.frame ||= doc.hidden ? setTimeout(show, 200) : requestAnimationFrame(show);
}

function show() {
  my.frame = 0;
  flush();
  draw();
}

function flush() {
  for (const room of my.rooms.values()) {
    if (!room.incoming.length) continue;
    for (const object of room.incoming.splice(0)) append(room, object);
    follow(room);
  }
  trim();
}

/** The message in an object of the server. */
function messageOf({ id, sender, content, time, optional }) {
  const { action, edited, temporary, reply_to: reply, quote, quote_sender: quoted } = optional;
  return { id, author: sender, own: isMe(sender), content, time: new Date(time), action, edited, temporary, reply, quote, quoted };
}

/** Adds a message at the end, unless the room has it already. */
function append(room, object) {
  if (room.messages.has(object.id)) return;
  const message = messageOf(object);
  if (message.own && room.unsure === message.content) forgetUnsure(room);
  const { last } = room;
  if (!last || !sameDay(last.time, message.time)) addLine(room, dayRule(message.time));
  addLine(room, render(room, message, room.apart ? null : last));
  put(room, { last: message, apart: false });
  if (object.firstUnread) mark(room, message);
}

/** Puts a line into the last block, or into a new one if that is full. */
function addLine(room, node) {
  if (!room.tail || room.tail.childElementCount >= BLOCK) {
    room.tail?.classList.add('full');
    room.tail = make('div.block');
    room.lines.append(room.tail);
  }
  room.tail.append(node);
}

const template = make('div.message', { tabIndex: -1 }, make('time'), make('bdi.name'), make('div.text', { dir: 'auto' }));

function render(room, message, before) {
  const { author, time, temporary } = message;
  const node = template.cloneNode(true);
  const first = !before || before.action || message.action || before.author !== author || time - before.time > GROUPED_MS;
  node.dataset.id = message.id;
  if (first) {
    node.classList.add('first');
    node.children[0].textContent = clock(time);
    if (!message.action) paint(node.children[1], author).textContent = author;
  }
  message.node = node;
  room.messages.set(message.id, message);
  my.messages += 1;
  if (temporary) shrink(room, message);
  fill(room, message);
  return node;
}

/** Writes the present text of a message, which may have been edited or deleted. */
function fill(room, message) {
  const { node, author, own, content, gone } = message;
  const text = node.children[2];
  node.classList.toggle('own', own);
  node.classList.toggle('mention', !gone && !own && my.mention.test(content));
  node.classList.toggle('gone', Boolean(gone));
  if (gone) {
    node.classList.remove('temporary');
    text.textContent = gone;
    return;
  }
  text.replaceChildren(...linked(content));
  if (message.action) text.prepend('* ', bdi(author), ' ');
  if (message.reply) text.prepend(quote(room, message));
  if (message.edited) text.append(make('span.muted', ' (edited)'));
  if (message.temporary) text.append(make('span.hidden', ` (temporary, ${message.temporary} s)`));
}

/** The start of the message that another one answers. */
function quote(room, { reply, quote, quoted }) {
  const known = room.messages.get(reply);
  const text = known ? known.gone || known.content : quote ?? 'gone';
  const label = quoted ? `to ${quoted}: ${text}` : `to #${reply}`;
  return make('button.quote', { onclick: () => goTo(my.current, reply) }, label);
}

/** Draws the line that shrinks while a temporary message lasts, and erases the message even without a connection. */
function shrink(room, message) {
  const { node, temporary, time } = message;
  const age = Math.max(0, (Date.now() - time) / 1000);
  node.classList.add('temporary');
  node.style.setProperty('--lasts', `${temporary}s`);
  node.style.setProperty('--begun', `${-age}s`);
  setTimeout(change, Math.max(0, temporary - age) * 1000, message, { gone: 'message expired' });
}

function dayRule(time) {
  const day = time.toLocaleDateString('en-GB', { weekday: 'long', day: 'numeric', month: 'long' });
  return make('div.rule', sameDay(time, new Date()) ? 'Today' : day);
}

/** Adds a line that is not a message. It ends the group of the messages before it. */
function notice(room, text, kind) {
  flush();
  // A user who changes a room gets the same line as an answer and as an event.
  const before = room.tail?.lastChild;
  if (text && before?.textContent === text) return before;
  const node = make(`div.notice.${kind}`, { dir: 'auto' }, text);
  addLine(room, node);
  room.apart = true;
  follow(room);
  update();
  return node;
}

/** Shows a text that is for this user only. */
function tell(room, text, isError = false) {
  if (!room) return inform('chatsock', text);
  if (!text) return;
  notice(room, text, isError ? 'told.error' : 'told');
  my.spoken.push([text, 'live']);
}

/** Draws the line above the first unread message, or removes it. */
function mark(room, message) {
  room.marker?.remove();
  room.marker = message && make('div.rule.new', 'New');
  message?.node.before(room.marker);
}

/** Removes the oldest blocks of the longest room while the page has too many messages. */
function trim() {
  while (my.messages > MOST_MESSAGES) {
    const room = allRooms().reduce((a, b) => (b.messages.size > a.messages.size ? b : a));
    const block = room.lines.firstChild;
    if (block === room.tail) return;
    for (const { dataset } of block.children) if (room.messages.delete(Number(dataset.id))) my.messages -= 1;
    holding(room, () => block.remove());
    room.complete = false;
  }
}

// ---- Scrolling and history ----

function toBottom(room) {
  room.log.scrollTop = room.log.scrollHeight;
  room.top = room.log.scrollTop;
}

function follow(room) {
  if (room !== my.current) return;
  if (room.pinned) toBottom(room);
  read(room);
}

/** Keeps the end of a log on the screen when its size changes, since blocks are measured only when they come near the screen. */
const sizes = new ResizeObserver(() => {
  if (my.current?.pinned) toBottom(my.current);
});

function scrolled(room) {
  const { hidden, scrollTop: top, scrollHeight, clientHeight, clientWidth } = room.log;
  const size = `${clientWidth} ${clientHeight}`;
  if (hidden) return;
  if (scrollHeight - top - clientHeight < 40) room.pinned = true;
  // A log that has another size now was scrolled by the browser.
  else if (top < room.top - 1 && size === room.size) room.pinned = false;
  put(room, { top, size });
  if (top < 600) loadOlder(room);
  read(room);
  update();
}

/** Changes lines above the screen, and keeps the visible lines in place. */
function holding(room, alter) {
  if (room !== my.current || room.pinned) return alter();
  const box = element => element.getBoundingClientRect();
  const edge = box(room.log).top;
  const below = node => box(node).bottom > edge;
  const anchor = [...([...room.lines.children].find(below)?.children ?? [])].find(below);
  const before = anchor && box(anchor).top;
  alter();
  if (anchor?.isConnected) room.log.scrollTop += box(anchor).top - before;
}

/** Loads older messages. Resolves to false if there are none. */
async function loadOlder(room) {
  if (room.loading || room.complete || !my.online || room.messages.size + PAGE > MOST_MESSAGES) return false;
  const before = firstId(room);
  room.loading = true;
  const { items, optional } = await request('history', room, '', { limit: PAGE, ...(before && { before }) });
  flush();
  room.loading = false;
  const older = items.filter(({ action, id }) => action === 'message' && (!before || id < before) && !room.messages.has(id));
  room.complete = !older.length && optional.code !== 'lost';
  if (older.length) prepend(room, older.sort((a, b) => a.id - b.id));
  return older.length > 0;
}

function prepend(room, older) {
  const above = { lines: new DocumentFragment(), messages: new Map() };
  for (const object of older) append(above, object);
  above.tail.classList.add('full');
  const next = room.messages.values().next().value;
  room.messages = new Map([...above.messages, ...room.messages]);
  holding(room, () => {
    const top = (room.restart ? room.restart.nextSibling : room.lines.firstChild)?.firstChild;
    if (next && top.className === 'rule' && sameDay(above.last.time, next.time)) top.remove();
    if (room.restart) room.restart.after(above.lines);
    else room.lines.prepend(above.lines);
  });
  room.tail ??= above.tail;
  room.last ??= above.last;
  follow(room);
  scrolled(room);
}

/** Scrolls to a message, loading the history up to it. */
async function goTo(room, id) {
  if (room !== my.current) showRoom(room);
  room.pinned = false;
  while (!(firstId(room) <= id)) if (!(await loadOlder(room))) break;
  const node = room.messages.get(id)?.node;
  if (!node) return tell(room, 'That message is no longer there.', true);
  node.scrollIntoView({ block: 'center' });
  node.focus({ preventScroll: true });
}

$('jump').onclick = () => {
  my.current.pinned = true;
  follow(my.current);
  field.focus();
  draw();
};

// ---- Writing ----

const field = $('text');

function setText(text) {
  field.value = text;
  fitText();
}

/** Fits the field for browsers that cannot do it by themselves. Wrapped lines are not counted. */
function fitText() {
  if (!field.value) write('send-error', '');
  field.rows = Math.min(6, field.value.split('\n').length);
}

function setContext(context) {
  const room = my.current;
  if (context.edit) room.saved = field.value;
  else if (room.edit) setText(room.saved);
  put(room, { reply: null, edit: null, ...context });
  if (context.edit) setText(context.edit.content);
  draw();
  field.focus();
}

function editLast() {
  const edit = [...my.current.messages.values()].findLast(({ own, gone }) => own && !gone);
  if (edit) setContext({ edit });
}

async function deleteMessage({ id }) {
  const room = my.current;
  tell(room, (await request('delete', '', '', { message: id })).error, true);
}

/** Sends the text in the field. Restores the text if it was not sent. */
async function send() {
  const room = my.current;
  const text = field.value;
  const { edit, reply } = room;
  if (!my.online || !text.trim()) return;
  setText(edit ? room.saved : '');
  put(room, { edit: null, reply: null, pinned: true });
  write('send-error', '');
  mark(room);
  follow(room);
  draw();
  const { error, optional, items } = await post(room, text, edit, reply);
  tell(room, newsOf(items));
  if (!error) return;
  if (optional?.code === 'lost') room.unsure = text;
  const here = room === my.current;
  if (here) write('send-error', error);
  if (here ? field.value : room.draft) return;
  put(room, { edit, reply, draft: text });
  if (here) setText(text);
  draw();
}

/** Removes a text from the field that has turned out to be sent before the connection broke. */
function forgetUnsure(room) {
  if (room === my.current && field.value === room.unsure) setText('');
  if (room.draft === room.unsure) room.draft = '';
  room.unsure = null;
}

/** Sends the request for a text: an edit, a reply, a command or a message. Commands are typed as on a terminal. */
async function post(room, text, edit, reply) {
  if (edit) return request('edit', '', text, { message: edit.id });
  if (reply) return request('reply', '', text, { message: reply.id });
  const [, word, rest = ''] = /^[:/：／]([a-z]{2,})(?:\s+([^]*))?$/i.exec(text) ?? [];
  switch (word?.toLowerCase()) {
    case undefined:
      return my.seconds ? request('temp', room, text, { seconds: my.seconds }) : request('say', room, text);
    case 'me':
      return request('me', room, rest);
    case 'join': {
      const [, room, password] = /^(\S*)\s*(.*)$/.exec(rest);
      return { error: await enterRoom(room, password) };
    }
    case 'dm':
    case 'msg':
    case 'msgto':
      return /^\S+$/.test(rest) ? { error: await converse(rest) } : runLine(room, text);
    case 'register':
    case 'unregister':
    case 'passwd':
      // As lines, they would ask for passwords.
      return selfMenu() ?? {};
    case 'close':
      return { error: await leaveRoom(room) };
    case 'quit':
      return { error: await logOut() };
    default:
      return runLine(room, text);
  }
}

$('composer').onsubmit = event => {
  event.preventDefault();
  send();
  field.focus();
};

$('temporary').onclick = () => {
  my.seconds = my.seconds ? 0 : TEMPORARY_SECONDS;
  draw();
};

/** Completes the name before the cursor. Returns false if there is none, and then Tab moves the focus. */
function completeName(step) {
  const room = my.current;
  const typed = field.value.slice(0, field.selectionStart);
  if (room.tab?.shown !== typed) {
    const [, start, part] = /^([^]*?)@?([\p{L}\p{M}\p{N}_-]+)$/u.exec(typed) ?? [];
    const names = room.direct ? room.name.split(',') : [...room.members.values()].map(({ name }) => name);
    const found = part ? names.filter(name => fold(name).startsWith(fold(part)) && !isMe(name)).sort() : [];
    if (!found.length) return false;
    room.tab = { start, found, at: step > 0 ? -1 : 0 };
  }
  const { tab } = room;
  tab.at = (tab.at + step + tab.found.length) % tab.found.length;
  tab.shown = `${tab.start}${tab.found[tab.at]}${tab.start ? ' ' : ': '}`;
  field.setRangeText(tab.shown, 0, typed.length, 'end');
  return true;
}

const modified = ({ altKey, ctrlKey, metaKey }) => altKey || ctrlKey || metaKey;

field.oninput = fitText;
field.onkeydown = event => {
  if (event.isComposing || modified(event)) return;
  if (event.key === 'Enter' && !event.shiftKey) send();
  else if (event.key === 'ArrowUp' && !field.value) editLast();
  else if (event.key !== 'Tab' || !completeName(event.shiftKey ? -1 : 1)) return;
  event.preventDefault();
};

// ---- Files ----

/** Most lines of transfers that are updated. Older ones stay as they are. */
const MOST_TRANSFERS = 200;

/** `1.2 MB`, as the server counts. */
function amount(bytes) {
  const unit = Math.min(3, Math.floor(Math.log2(bytes || 1) / 10));
  return unit ? `${(bytes / 1024 ** unit).toFixed(1)} ${['', 'KB', 'MB', 'GB'][unit]}` : counted(bytes, 'byte', 'bytes');
}

const action = (label, onclick) => make('button', { onclick }, label);

/** The line of a transfer in the conversation with the other user. */
function transferRow(room, offer, name) {
  const known = my.transfers.get(offer);
  if (known) return known;
  flush();
  const node = make('div.notice.told.file', { dir: 'auto', role: 'group', ariaLabel: name });
  const row = {
    room, offer, file: null, token: '', from: 0, upload: null, isOver: false,
    /** Shows a text, with the file name after its first part, and buttons. */
    show([before, ...after], ...controls) {
      const hadFocus = node.contains(doc.activeElement);
      node.replaceChildren(make('span', before, make('bdi', name), ...after), ...controls);
      if (hadFocus) (node.querySelector('button') ?? room.log).focus();
      follow(room);
    },
    end(text, isError) {
      const hadFocus = node.contains(doc.activeElement);
      row.isOver = true;
      node.textContent = text;
      node.classList.toggle('error', isError);
      if (hadFocus) room.log.focus();
      my.spoken.push([text, 'live']);
      follow(room);
      update();
    },
  };
  addLine(room, node);
  room.apart = true;
  my.transfers.set(offer, row);
  if (my.transfers.size > MOST_TRANSFERS) my.transfers.delete(my.transfers.keys().next().value);
  update();
  return row;
}

/** Sends a request about an offer. */
async function answer(row, action, optional = {}) {
  const reply = await request(action, '', '', { offer: row.offer, ...optional });
  if (reply.error && !row.isOver) row.end(reply.error, true);
  return reply;
}

const decline = (row, label) => action(label, async () => {
  await answer(row, 'decline');
  if (!row.isOver) row.end(label === 'Decline' ? 'Declined.' : 'The transfer was cancelled.', false);
  row.upload?.abort();
});

/** Accepts an offer. A page cannot append to a part of a file, so it takes all of it. */
async function accept(row) {
  const { error, optional } = await answer(row, 'accept', { from: 0 });
  if (error) return;
  row.token = optional.token;
  download(row);
}

/** Lets the browser save a file. The browser waits for the sender, and shows the progress. */
function download(row) {
  if (!row.isOver) row.show(['The browser saves ', '.'], decline(row, 'Cancel'));
  make('a', { href: `f/${row.token}`, download: '' }).click();
}

/** Sends a file, from the byte that the server asks for. Data flows once the receiver is connected. (`fetch` has no upload progress.) */
function upload(row) {
  const { file, from } = row;
  const bar = make('progress', { max: file.size || 1, value: from, ariaLabel: `Sending ${file.name}` });
  const sending = new XMLHttpRequest();
  row.upload?.abort();
  row.upload = sending;
  row.show(['Sending ', ` to ${row.room.name}`], bar, decline(row, 'Cancel'));
  sending.open('PUT', `f/${row.token}`);
  if (from) sending.setRequestHeader('Content-Range', `bytes ${from}-${file.size - 1}/${file.size}`);
  sending.upload.onprogress = ({ loaded }) => (bar.value = from + loaded);
  sending.onloadend = () => {
    // The server's sentence comes in an event, and takes precedence.
    if (row.isOver || row.upload !== sending) return;
    const { status, responseText } = sending;
    if (!status) request('decline', '', '', { offer: row.offer });
    row.end(status ? responseText.slice(2).trim() : 'The file could not be read or sent.', status !== 201);
  };
  sending.send(file.slice(from));
}

/** Offers a file to a user. Resolves to the server's sentence if it is refused. */
async function offer(file, name) {
  const { error, optional } = await request('send', name, file.name, { size: file.size });
  if (error) return error;
  const room = allRooms().find(room => room.direct && same(room.name, name)) ?? openRoom(`@${name}`);
  const row = transferRow(room, optional.offer, file.name);
  row.file = file;
  // The other user may have accepted before this answer came.
  if (row.token) upload(row);
  else if (!row.isOver) row.show([`Offered ${room.name} `, ` (${amount(file.size)}).`], decline(row, 'Take it back'));
  showRoom(room);
}

/** The same for several files, up to the first that is refused. */
async function offerAll(files, name) {
  for (const file of files) {
    const error = await offer(file, name);
    if (error) return error;
  }
}

/** Offers files to the other user of a conversation, or asks for a name. */
async function offerFiles(files) {
  const room = my.current;
  if (room?.direct && !room.name.includes(',')) return tell(room, await offerAll(files, room.name), true);
  ask('Send a file', files.map(({ name }) => name).join(', '), [['Name']], 'Send', name => offerAll(files, name.trim()));
}

/** Lets the user choose files. */
function pick(use) {
  my.picked = use;
  $('file').click();
}

$('file').onchange = ({ target }) => {
  const files = [...target.files];
  target.value = '';
  (my.picked ?? offerFiles)(files);
  my.picked = null;
};

/** Ends the transfers of a lost connection, which get no more events. Offers end with the connection; only an upload reports its
    own end. */
function transfersLost() {
  for (const row of my.transfers.values()) {
    if (row.isOver || row.upload) continue;
    row.end(row.token ? 'The connection was lost: the browser shows whether the file is whole.' : 'The offer has ended.', true);
  }
  my.transfers.clear();
}

const dropsFiles = ({ dataTransfer }) => dataTransfer.types.includes('Files');

doc.ondragover = event => {
  if (!dropsFiles(event)) return;
  event.preventDefault();
  $('main').classList.add('drop');
};
doc.ondragleave = doc.ondragend = () => $('main').classList.remove('drop');
doc.ondrop = event => {
  if (!dropsFiles(event)) return;
  // Otherwise the browser would leave the page and show the file.
  event.preventDefault();
  $('main').classList.remove('drop');
  if (my.online && !dialog.open) offerFiles([...event.dataTransfer.files]);
};

// ---- People ----

async function readPeople(room) {
  if (room.direct) return;
  const { error, items } = await request('members', room);
  if (error) return;
  room.members = new Map(items.map(({ optional }) => [fold(optional.name), optional]));
  peopleChanged();
}

/** Draws the people again with the next frame. */
function peopleChanged() {
  my.stale = true;
  update();
}

/** Whether the user has the powers of an admin. */
function amAdmin(room) {
  const { admin, operator } = room.members.get(fold(my.me)) ?? {};
  return admin || operator;
}

function drawPerson(button, member) {
  const { name, since, note = '' } = member;
  const remarks = ['admin', 'operator', 'bot', 'muted', 'away'].filter(key => member[key]);
  if (isMe(name)) remarks.push('you');
  const time = since ? `since ${moment(since)}` : '';
  button.className = 'plain person';
  button.title = note;
  drawSigns(button, [name, ...remarks, time], bdi(name), make('small', remarks.join(', ')), make('small.since', time));
  button.onclick = () => personMenu(name);
}

const HOW_LONG = ['Duration', '', 'For example 10m, 2h or 7d; without one, until it is lifted.'];

/** The menu of a person. */
function personMenu(name) {
  const room = my.current;
  if (isMe(name)) return selfMenu();
  menu(name, [
    ['Send a direct message', () => showRoom(openRoom(`@${name}`))],
    ...(my.welcome.optional.max_file_bytes ? [['Send a file', () => pick(async files => tell(my.current, await offerAll(files, name), true))]] : []),
    ['Who is this?', `:whois ${name}`],
    ['Hide their messages', `:ignore ${name}`],
    ['Show their messages again', `:unignore ${name}`],
    ...(!amAdmin(room) ? [] : [
      ['Mute', `:mute ${name}`, [HOW_LONG]],
      ['Unmute', `:unmute ${name}`],
      ['Kick', `:kick ${name}`, [['Reason', '', 'They can come back after a minute.']]],
      ['Ban', `:ban ${name}`, [HOW_LONG, ['Reason']]],
      room.members.get(fold(name))?.admin ? ['Make a member', `:deop ${name}`] : ['Make an admin', `:op ${name}`],
    ]),
  ]);
}

/** The menu of the current room. */
function roomMenu() {
  const room = my.current;
  if (room.direct) return menu(room.name, [['Who is this?', `:whois ${room.name}`], ['Close the conversation', () => leaveRoom(room)]]);
  menu(room.name, [
    ['About this room', ':set'],
    ['Invite people', ':invite', [['Names']]],
    ...(!amAdmin(room) ? [] : [
      ['Change the description', ':topic', [['Description', infoOf(room).description]]],
      ['Change a setting', ':set', [['Setting', '', 'limit, password, public, invite, slow, history or keep'], ['Value', '', 'For example on, off, 8 or 30s.']]],
      ['Bans', ':bans'],
      ['Lift a ban', ':unban', [['Name']]],
      ['Close the room for good', ':destroy', [], 'Everybody leaves it, and its messages are gone.'],
    ]),
    ['Leave the room', () => leaveRoom(room)],
  ]);
}

/** The user's own menu. */
function selfMenu() {
  const password = (label = 'Password') => [label, '', '', 'password'];
  menu(my.me, [
    ['About you', ':whoami'],
    ['About this server', showServer],
    ['Away', ':away', [['Note', '', 'People who write to you read it.']]],
    ['Back', ':back'],
    ['Change your name', ':nick', [['New name']]],
    ...(my.welcome.optional.accounts === 'off' ? [] : my.password ? [
      ['Change the password', 'passwd', [password(), password('New password')]],
      ['Delete the account', 'unregister', [password()], 'The name is free once you leave.'],
    ] : [['Register this name', 'register', [password('New password')], 'From then on the name needs this password.']]),
    ['Keys', showKeys],
    ['Stop the server', ':shutdown', [['Exit code', '', 'The server prints it when it starts.']]],
    ['Log out', logOut],
  ]);
}

function showServer() {
  const { content, optional } = my.welcome;
  tell(my.current, [content, ...Object.entries(optional).map(([key, value]) => `${key.replaceAll('_', ' ')}: ${value}`)].join('\n'));
}

// ---- Dialogs ----

const dialog = $('dialog');
const closeDialog = () => dialog.close();

function openDialog(title, ...contents) {
  closeDialog();
  dialog.replaceChildren(make('h2', { id: 'dialog-title' }, title), ...contents);
  dialog.showModal();
}

dialog.onclick = event => {
  if (event.target === dialog) closeDialog();
};

const buttons = (...others) => make('div.buttons', make('button', { type: 'button', onclick: closeDialog }, others.length ? 'Cancel' : 'Close'), ...others);

/** Shows a text that belongs to no room. */
function inform(title, text) {
  if (text) openDialog(title, make('p', text), buttons());
}

/** Runs a command for the current room, and shows its answer there. Resolves to the server's sentence if it is refused. */
async function command(line) {
  const room = my.current;
  const { error, items } = await runLine(room, line);
  tell(room, newsOf(items));
  if (room) readPeople(room).then(reload);
  return error;
}

async function runLine(room, line) {
  const answer = await request('command', roomOnly(room), line);
  const [, name] = /^.nick (\S+)/i.exec(line) ?? [];
  if (name && !answer.error) setMe(name);
  return answer;
}

/** The room of a command: conversations have none. */
const roomOnly = room => (room?.direct ? '' : room?.name);

/** What a request brought, as text: news, and the messages that a command such as `/search` lists. */
const newsOf = (items = []) => items.map(({ sender, content, time }) => (sender ? `${moment(time)} ${sender}: ${content}` : content)).filter(Boolean).join('\n');

/** Sends a request about the user's account. The last of the passwords is the account's from then on. */
async function account(action, password, new_password) {
  const { error, items } = await request(action, '', '', { password, new_password });
  tell(my.current, newsOf(items));
  if (!error) my.password = action === 'unregister' ? '' : new_password ?? password;
  return error;
}

/** A dialog of buttons. Each calls a function, or runs a command or a request about the account, after asking for its `fields`. */
function menu(subject, entries) {
  const choose = (label, action, fields, note) => async () => {
    closeDialog();
    const line = values => [action, ...values.map(value => value.trim())].filter(Boolean).join(' ');
    const run = (...values) => (action[0] === ':' ? command(line(values)) : account(action, ...values));
    if (typeof action !== 'string') action();
    else if (fields) ask(`${label}: ${subject}`, note, fields, label, run);
    else tell(my.current, await run(), true);
  };
  const list = entries.map(([label, ...rest]) => make('button', { onclick: choose(label, ...rest) }, label));
  openDialog(subject, make('div.menu', ...list), buttons());
}

/** Asks for some values: each field is a label, a value, a hint and a type. If `run` resolves to a sentence, the dialog shows it and
    stays open. */
function ask(title, note = '', fields, button, run) {
  const inputs = [];
  const said = make('p', { role: 'alert' });
  const submit = make('button.primary', button);
  const form = make('form', make('p.muted', note));
  for (const [index, [label, value = '', hint = '', type = 'text']] of fields.entries()) {
    const id = `ask-${index}`;
    const input = make('input', { id, type, value, checked: value === true, autocomplete: 'off', autocapitalize: 'off' });
    inputs.push(input);
    if (type === 'checkbox') form.append(make('label.choice', input, label));
    else form.append(make('label', { htmlFor: id }, label), input);
    if (type === 'search') input.setAttribute('list', 'names');
    if (hint) form.append(make('p.muted.small', { id: `${id}-hint` }, hint));
    if (hint) input.setAttribute('aria-describedby', `${id}-hint`);
  }
  form.append(said, buttons(submit));
  form.onsubmit = async event => {
    event.preventDefault();
    submit.disabled = true;
    said.textContent = (await run(...inputs.map(({ type, checked, value }) => (type === 'checkbox' ? checked : value)))) || '';
    submit.disabled = false;
    if (!said.textContent && form.isConnected) closeDialog();
  };
  openDialog(title, form);
  (inputs.find(input => !input.value) ?? inputs[0] ?? submit).focus();
}

/** Asks for a part of a room's name, and shows the room. */
function askWhere() {
  const names = [...new Set([...allRooms(), ...my.listed.values()].map(({ name }) => name))];
  $('names').replaceChildren(...names.map(value => make('option', { value })));
  ask('Go to a room', '', [['Room', '', '', 'search']], 'Go', text => {
    const found = names.find(name => same(name, text)) ?? names.find(name => fold(name).includes(fold(text)));
    const direct = my.rooms.get(`@${found}`);
    return direct ? showRoom(direct) : enterRoom(found ?? text);
  });
}

const KEYS = {
  'Enter': 'send', 'Shift+Enter': 'new line', 'Up': 'edit your last message', 'Tab': 'complete a name',
  'Alt+Up, Alt+Down': 'previous room, next room', 'Alt+A': 'next room with unread messages', 'Ctrl+K': 'go to a room',
  'Esc': 'to the message field', 'Up, Down': 'in the messages: from one to the next',
  'R, E, Delete': 'on a message: reply, edit, delete', '?': 'this list',
};

function showKeys() {
  const rows = Object.entries(KEYS).flatMap(([key, what]) => [make('dt', key), make('dd', what)]);
  openDialog('Keys', make('dl', ...rows), make('p.muted.small', 'Lines that begin with / are commands, as on a terminal: /help explains them.'), buttons());
}

// ---- Search ----

function askSearch() {
  const room = my.current;
  const found = make('ul.results');
  ask('Search messages', '', [['Text or pattern'], ['In all rooms', false, '', 'checkbox']], 'Search', async (pattern, everywhere) => {
    const { error, items } = await request('search', everywhere ? '' : roomOnly(room), pattern);
    const hits = items.filter(({ action }) => action === 'message');
    found.replaceChildren(...hits.map(hit => make('li', hitButton(hit))));
    return error || counted(hits.length, 'message found', 'messages found');
  });
  dialog.append(found);
}

/** A button for a message that was found, with the hit marked. A click goes to the message. */
function hitButton(hit) {
  const { id, sender, receiver, content, time, private: direct, optional } = hit;
  const part = (from, to) => [...content].slice(from, to).join('');
  const end = optional.hit + optional.length;
  const text = make('span', { dir: 'auto' }, part(0, optional.hit), make('mark', part(optional.hit, end)), part(end));
  const onclick = () => {
    closeDialog();
    goTo(roomOf(hit), id);
  };
  return make('button', { onclick }, make('small', `${direct ? '' : `${receiver} · `}${moment(time)} `), bdi(sender), ' ', text);
}

// ---- Settings ----

function applySettings() {
  const { theme, times, presence } = my.settings;
  doc.documentElement.dataset.theme = theme;
  $('logs').classList.toggle('no-times', !times);
  $('logs').classList.toggle('no-presence', !presence);
}

function set(key, value) {
  my.settings[key] = value;
  stored(my.settings);
  applySettings();
}

function choice(label, key, options) {
  const select = make('select', { id: `set-${key}`, onchange: () => set(key, select.value) });
  for (const [value, text] of Object.entries(options)) select.append(make('option', { value, selected: my.settings[key] === value }, text));
  return [make('label', { htmlFor: select.id }, label), select];
}

function toggle(label, key, allowed = checked => checked) {
  const input = make('input', { type: 'checkbox', checked: my.settings[key] });
  input.onchange = async () => set(key, (input.checked = await allowed(input.checked)));
  return make('label.choice', input, label);
}

function showSettings() {
  const amounts = { all: 'All', mentions: 'Mentions and direct messages', off: 'Off' };
  const notifies = isSecureContext && 'Notification' in globalThis;
  openDialog('Settings',
    toggle('Show times', 'times'),
    toggle('Show who joins and leaves', 'presence'),
    notifies
      ? toggle('Notifications for mentions and direct messages', 'notify', async checked => checked && (await Notification.requestPermission()) === 'granted')
      : make('p.muted.small', 'Browsers allow notifications only over https or on localhost; here the title and the icon of the tab say what is new.'),
    ...choice('Theme', 'theme', { system: 'As the system', light: 'Light', dark: 'Dark' }),
    ...choice('Read messages aloud', 'aloud', amounts),
    ...choice('Sound', 'sound', amounts),
    buttons());
}

// ---- Attention ----

/** The room being read: the page is visible and shows the end of the room. */
const attended = () => (!doc.hidden && my.current?.pinned ? my.current : null);

/** Counts a new message, and notifies the user by the settings. */
function attend(room, object) {
  const { sender, content, optional } = object;
  const { aloud, sound, notify } = my.settings;
  if (isMe(sender) || room.messages.has(object.id)) return;
  const toMe = room.direct || my.mention.test(content);
  const unattended = room !== attended();
  if (unattended) {
    object.firstUnread = !room.unread && !room.marker;
    room.unread += 1;
    room.mentioned ||= toMe;
  }
  if (optional.history) return;
  const from = room.direct || room === my.current ? sender : `${sender} in ${room.name}`;
  if (toMe && aloud !== 'off') my.spoken.push([`${from}: ${content}`, 'mentions']);
  else if (room === my.current && aloud === 'all') my.spoken.push([`${from}: ${content}`, 'live']);
  if (sound === 'all' || (toMe && sound === 'mentions')) beep();
  if (toMe && notify && unattended) remind(room, from, content);
}

function remind(room, title, body) {
  try {
    new Notification(title, { body, tag: room.key }).onclick = () => showRoom(room);
  } catch {
    // Browsers on phones grant the permission, but lack this constructor.
  }
}

/** Marks the messages of a room as read, if the room is being read. */
function read(room) {
  if (room !== attended()) return;
  put(room, { unread: 0, mentioned: false });
  const last = lastId(room);
  if (last === room.seen || room.direct) return;
  room.seen = last;
  clearTimeout(my.seeing);
  my.seeing = setTimeout(() => request('seen', room, '', { message: room.seen }), 1000);
}

/** Gives lines to the screen reader one by one. Only the last ones stay, so that none is read twice. */
function speak() {
  for (const [text, region] of my.spoken.splice(0).slice(-20)) {
    $(region).append(make('p', text));
    if ($(region).childElementCount > 20) $(region).firstChild.remove();
  }
}

/** Plays a sound, at most once a second, so that a flood of messages is one sound. */
function beep() {
  if (Date.now() - my.beeped < 1000) return;
  my.beeped = Date.now();
  const audio = (my.audio ??= new AudioContext());
  const tone = audio.createOscillator();
  const volume = new GainNode(audio, { gain: 0.05 });
  tone.connect(volume).connect(audio.destination);
  tone.start();
  tone.stop(audio.currentTime + 0.15);
}

// ---- Drawing ----

function draw() {
  const rooms = allRooms();
  const unread = rooms.reduce((sum, room) => sum + room.unread, 0);
  drawRooms(rooms);
  drawHeader();
  drawMembers();
  drawWriting();
  drawCounts(unread);
  speak();
}

/** Updates a list of buttons. Existing buttons stay, so that the focus and a click under way survive. */
function drawList(list, entries, drawButton) {
  const known = new Map([...list.children].map(item => [item.dataset.key, item]));
  entries.forEach(([key, ...values], at) => {
    const item = known.get(key) ?? make('li', make('button'));
    known.delete(key);
    item.dataset.key = key;
    drawButton(item.firstChild, ...values);
    if (list.children[at] !== item) list.insertBefore(item, list.children[at] ?? null);
  });
  for (const item of known.values()) item.remove();
}

/** Draws a button with signs, and with a name that tells a screen reader the same. */
function drawSigns(button, name, ...signs) {
  for (const sign of signs) sign.ariaHidden = 'true';
  button.replaceChildren(make('span.hidden', name.filter(Boolean).join(', ')), ...signs);
}

function drawRooms(rooms) {
  const joined = rooms.filter(room => !room.direct);
  const direct = rooms.filter(room => room.direct);
  const others = [...my.listed.values()].filter(({ name }) => !findRoom(name));
  drawList($('joined'), joined.map(room => [room.key, room.name, infoOf(room), room]), drawRoom);
  drawList($('direct'), direct.map(room => [room.key, room.name, {}, room]), drawRoom);
  drawList($('listed'), others.map(info => [info.name, info.name, info]), drawRoom);
  hide('joined-section', !joined.length);
  hide('direct-section', !direct.length);
  write('listed-title', joined.length ? 'More rooms' : 'Rooms');
  hide('listed-section', !others.length);
}

function drawRoom(button, name, { people: listed = 0, password, limit, creator, since, description = '' }, room) {
  const { unread = 0, mentioned, direct } = room ?? {};
  const count = room?.members.size || listed;
  const about = creator ? `${creator}, since ${moment(since)}` : description;
  button.className = unread ? 'plain room unread' : 'plain room';
  const label = [name, direct ? 'direct messages' : people(count), password && 'with a password', unread && `${unread} unread`,
    unread && mentioned && !direct && 'you are mentioned'];
  button.ariaCurrent = room && room === my.current ? 'true' : null;
  button.title = creator ? `${about}. ${description}` : about;
  drawSigns(button, label,
    make('span.label', ...lockIf(password), make('bdi', name)),
    make('span.count', direct ? '' : limit ? `${count}/${limit}` : String(count)),
    make(mentioned ? 'span.pill.solid' : 'span.pill', { hidden: !unread }, unread),
    make('span.about', about));
  button.onclick = () => (room ? showRoom(room) : clickRoom(name));
}

function drawHeader() {
  const room = my.current;
  const { password = room?.password, creator, description } = room ? infoOf(room) : {};
  const about = room?.direct ? ['Direct messages'] : [password ? 'With a password' : 'Without a password', creator && `by ${creator}`, description];
  $('search-button').hidden = hide('room-menu', !room);
  $('room-name').replaceChildren(room?.name ?? 'No room', ...lockIf(password));
  $('room-about').title = write('room-about', room ? about.filter(Boolean).join(' · ') : '');
  $('room-menu').ariaLabel = `Menu of ${room?.name}`;
}

function drawMembers() {
  const room = my.current;
  if (!my.stale) return;
  my.stale = false;
  const members = [...(room?.members.values() ?? [])];
  const rank = ({ admin, name }) => `${admin ? 0 : 1}${fold(name)}`;
  members.sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
  $('people').hidden = hide('people-button', !room || room.direct);
  $('people').ariaLabel = `People in ${room?.name}`;
  write('people-count', members.length);
  drawList($('members'), members.slice(0, MOST_PEOPLE).map(member => [member.name, member]), drawPerson);
  write('people-more', members.length > MOST_PEOPLE ? `and ${members.length - MOST_PEOPLE} more` : '');
}

function drawWriting() {
  const room = my.current;
  const { edit, reply, pinned, unread } = room ?? {};
  hide('composer', !room);
  $('send').disabled = !my.online;
  hide('attach', !my.welcome?.optional.max_file_bytes);
  $('temporary').ariaPressed = String(my.seconds > 0);
  field.placeholder = my.seconds ? `Message for ${my.seconds} seconds` : field.ariaLabel;
  hide('context', !edit && !reply);
  write('context-text', edit ? `Editing: ${edit.content}` : reply ? `Reply to ${reply.author}: ${reply.content}` : '');
  hide('jump', !room || pinned);
  write('jump', unread ? counted(unread, 'new message', 'new messages') : 'To the latest messages');
}

/** Shows the number of unread messages in the title, and a dot in the icon of the tab. */
function drawCounts(unread) {
  const name = my.current?.name ?? 'chatsock';
  if (!$('chat').hidden) doc.title = unread ? `(${unread}) ${name}` : name;
  write('rooms-count', unread);
  hide('rooms-count', !unread);
  $('rooms-button').ariaLabel = unread ? `Rooms, ${unread} unread` : 'Rooms';
  const dot = unread ? "<circle cx='11' cy='5' r='4' fill='%23fff'/>" : '';
  const href = `data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'><rect width='16' height='16' rx='4' fill='%230f6b5c'/>${dot}</svg>`;
  if ($('icon').href !== href) $('icon').href = href;
}

// ---- Buttons and keys ----

/** The panel that covers the messages on a narrow screen, if one is open. */
const openPanel = () => doc.querySelector(':popover-open');

const CLICKS = {
  reload, 'join-button': () => askRoom(), 'new-button': askNewRoom, 'settings-button': showSettings, 'self-button': selfMenu,
  'search-button': askSearch, attach: () => pick(offerFiles), 'room-menu': roomMenu, 'context-cancel': () => setContext({}),
};
for (const [id, onclick] of Object.entries(CLICKS)) $(id).onclick = onclick;

const logs = $('logs');
const messageAt = element => my.current?.messages.get(Number(element.closest('.message')?.dataset.id));

/** The actions for a message: key -> label and function. */
function actionsFor(message) {
  const { own } = message;
  const actions = { r: ['Reply', () => setContext({ reply: message })] };
  if (own) actions.e = ['Edit', () => setContext({ edit: message })];
  if (own || amAdmin(my.current)) actions.Delete = ['Delete', () => deleteMessage(message)];
  return message.gone ? {} : actions;
}

/** The buttons of the message under the pointer or with the focus. */
const tools = make('div.tools', { role: 'toolbar', ariaLabel: 'This message' });

function showTools({ target }) {
  const message = messageAt(target);
  if (!message || message.gone) return tools.remove();
  if (tools.parentElement === message.node) return;
  message.node.title = message.time.toLocaleString();
  tools.replaceChildren(...Object.values(actionsFor(message)).map(([label, onclick]) => action(label, onclick)));
  message.node.append(tools);
}

logs.onmouseover = showTools;
logs.addEventListener('focusin', showTools);
logs.onmouseleave = () => tools.remove();
logs.onclick = ({ target }) => {
  const message = messageAt(target);
  if (message && target.classList.contains('name')) personMenu(message.author);
};
logs.onkeydown = event => {
  const message = messageAt(event.target);
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (modified(event)) return;
  if (step) {
    const all = [...my.current.messages.values()];
    all[message ? all.indexOf(message) + step : all.length - 1]?.node.focus();
  } else if (message && actionsFor(message)[event.key]) actionsFor(message)[event.key][1]();
  else return;
  event.preventDefault();
};

function stepRoom(step) {
  const rooms = allRooms().sort((a, b) => a.direct - b.direct);
  if (rooms.length) showRoom(rooms[(rooms.indexOf(my.current) + step + rooms.length) % rooms.length]);
}

function nextUnread() {
  const rooms = allRooms().filter(room => room.unread && room !== my.current);
  const next = rooms.find(room => room.mentioned) ?? rooms[0];
  if (next) showRoom(next);
}

doc.onkeydown = event => {
  const { key, code, altKey, target } = event;
  if ($('chat').hidden || dialog.open) return;
  if (altKey && key === 'ArrowUp') stepRoom(-1);
  else if (altKey && key === 'ArrowDown') stepRoom(1);
  else if (altKey && code === 'KeyA') nextUnread();
  else if ((event.ctrlKey || event.metaKey) && key === 'k') askWhere();
  else if (key === '?' && !target.matches('input, textarea')) showKeys();
  else if (key === 'Escape' && my.current && !openPanel()) {
    if (target === field) setContext({});
    field.focus();
  } else return;
  event.preventDefault();
};

// ---- Start ----

for (const sign of doc.querySelectorAll('svg')) sign.setAttribute('viewBox', '0 0 16 16');

doc.onvisibilitychange = () => {
  // A hidden page has no frames, but its title must be up to date.
  show();
  if (doc.hidden) return;
  hurry();
  checkLife();
  if (my.current) follow(my.current);
  show();
};
addEventListener('online', hurry);
setInterval(checkLife, 5000);
applySettings();
drawCounts(0);
$('login-name').focus();
