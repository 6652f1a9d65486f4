// The page: tabs, power buttons, state.

import { Screen } from './screen.js';
import { Terminal } from './terminal.js';

const RETRY_MS = 2000;
const token = new URLSearchParams(location.search).get('token') || '';
const place = location.host + location.pathname.replace(/[^/]*$/, '');
const socketAddress = path =>
  `${location.protocol === 'https:' ? 'wss' : 'ws'}://${place}${path}?token=${encodeURIComponent(token)}`;

const tabs = document.getElementById('tabs');
const views = document.getElementById('views');
const stateLabel = document.getElementById('state');
const pauseButton = document.getElementById('pause');
const hint = text => { document.getElementById('hint').textContent = text; };
let control;
let built = '';

function addTab(name, make) {
  const view = document.createElement('section');
  view.className = 'view';
  view.id = `view-${name}`;
  view.hidden = true;
  views.append(view);
  const button = document.createElement('button');
  button.textContent = name;
  button.setAttribute('role', 'tab');
  button.id = `tab-${name}`;
  const content = make(view);
  const focus = content.canvas || content.element;
  button.onclick = () => {
    for (const other of tabs.children) other.setAttribute('aria-selected', other === button);
    for (const other of views.children) other.hidden = other !== view;
    focus.focus();
  };
  tabs.append(button);
}

function build(machine) {
  const wanted = JSON.stringify([machine.screen, machine.terminals]);
  if (wanted === built) return;
  built = wanted;
  tabs.replaceChildren();
  views.replaceChildren();
  if (machine.screen) addTab('screen', view => new Screen(view, socketAddress('screen'), hint));
  machine.terminals.forEach((name, i) =>
    addTab(name, view => new Terminal(view, name, socketAddress(`terminal/${i}`))));
  if (tabs.firstChild) tabs.firstChild.click();
}

function showState(state) {
  stateLabel.textContent = state;
  stateLabel.className = state;
  const paused = state === 'paused';
  pauseButton.textContent = paused ? 'Continue' : 'Pause';
  pauseButton.dataset.power = paused ? 'continue' : 'pause';
  for (const button of document.querySelectorAll('[data-power]')) {
    button.disabled = state === 'lost' || state === 'ended';
  }
}

function connect() {
  control = new WebSocket(socketAddress('control'));
  control.onmessage = event => {
    const machine = JSON.parse(event.data);
    document.title = machine.title;
    document.getElementById('title').textContent = machine.title;
    build(machine);
    showState(machine.state);
  };
  control.onclose = () => {
    showState('lost');
    setTimeout(connect, RETRY_MS);
  };
}

for (const button of document.querySelectorAll('[data-power]')) {
  button.onclick = () => {
    if (button.dataset.power === 'quit' && !confirm('End the machine at once?')) return;
    control.send(JSON.stringify({ power: button.dataset.power }));
  };
}
connect();
