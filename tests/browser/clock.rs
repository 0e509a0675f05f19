//! A clock for the page that a test can make run faster, so that a minute without an answer takes a second.

use crate::page::Page;

/// Replaces the clock and the timers. Both run as usual until the speed is changed; timers that are set already follow.
const CLOCK: &str = r"(() => {
    const [wait, stop] = [setTimeout.bind(window), clearTimeout.bind(window)];
    const RealDate = Date, now = () => base + (performance.timeOrigin + tick.call(performance) - since) * speed;
    const tick = performance.now;
    let speed = 1, since = performance.timeOrigin + tick.call(performance), base = since, last = 1e6;
    const timers = new Map();
    const plan = timer => {
        stop(timer.real);
        timer.real = wait(() => fire(timer), Math.max(0, (timer.due - now()) / speed));
    };
    const fire = timer => {
        if (now() < timer.due - 1) return plan(timer);
        if (timer.every === undefined) timers.delete(timer.id);
        else {
            timer.due = now() + timer.every;
            plan(timer);
        }
        timer.run();
    };
    const add = (run, after = 0, rest, every) => {
        const timer = { id: ++last, due: now() + Number(after), every, run: () => run(...rest) };
        timers.set(timer.id, timer);
        plan(timer);
        return timer.id;
    };
    const drop = id => {
        stop(timers.get(id)?.real);
        timers.delete(id);
    };
    window.setTimeout = (run, after, ...rest) => add(run, after, rest);
    window.setInterval = (run, every = 0, ...rest) => add(run, every, rest, Math.max(4, Number(every)));
    window.clearTimeout = window.clearInterval = drop;
    window.Date = class extends RealDate {
        constructor(...parts) {
            if (parts.length) super(...parts);
            else super(now());
        }
        static now() { return Math.floor(now()); }
    };
    performance.now = () => now() - performance.timeOrigin;
    window.runClock = to => {
        base = now();
        since = performance.timeOrigin + tick.call(performance);
        speed = to;
        for (const timer of timers.values()) plan(timer);
    };
})()";

/// Gives such a clock to the documents that the page loads from now on.
pub fn install(page: &Page) {
    page.before_load(CLOCK);
}

/// Makes it run so many times as fast as a real one.
pub fn run(page: &Page, speed: u32) {
    page.evaluate(&format!("runClock({speed})"));
}
