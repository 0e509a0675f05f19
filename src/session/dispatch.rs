//! Carrying out what the palette wants done.
//!
//! *Owns* which part of the session does what, and the switches of the terminal.
//! *Knows nothing of* what was typed.
//! *Called by* `session`.

use super::Session;
use crate::outbox::DisconnectReason;
use crate::ui::palette::{Answer, Effect, Viewing};
use crate::ui::screen::LineKind;

impl Session {
    /// Carries out the effects in their order; answers may bring more.
    pub(super) fn carry_out(&mut self) {
        let mut effects = std::mem::take(&mut self.effects);
        let mut more = Vec::new();
        effects.reverse();
        loop {
            while self.carry_out_next(&mut effects, &mut more) {
                // What an answer brings comes before what was to follow. Backwards, as the last one is carried out next.
                more.reverse();
                effects.append(&mut more);
            }
            if self.account.arrived.is_none() {
                break;
            }
            self.restore_login(&mut effects);
            effects.reverse();
        }
        self.effects = effects;
    }

    /// The last of the effects; false if there is none.
    #[inline(never)]
    fn carry_out_next(&mut self, effects: &mut Vec<Effect>, more: &mut Vec<Effect>) -> bool {
        let Some(effect) = effects.pop() else { return false };
        if let Some(answer) = self.carry_out_one(effect) {
            self.palette.answer(answer, more);
        }
        true
    }

    /// Its helpers are never inlined: their frames together would cost every idle user a page of stack.
    #[inline(never)]
    fn carry_out_one(&mut self, effect: Effect) -> Option<Answer> {
        match effect {
            Effect::Tell(tone, line) => self.outbox.tell(tone, &line),
            Effect::ClaimName(name) => return Some(self.claim_name(name)),
            Effect::Login { name, password, ghost } => return Some(self.come_in(&name, password, ghost)),
            Effect::BeginAccount(ask) => return self.begin_account(ask),
            Effect::BeginGhost(name) => return self.begin_ghost(name),
            Effect::LogIn { name, password } => return self.log_in(&name, password),
            Effect::TakeOver => return self.take_over(),
            Effect::LetBe => self.let_be(),
            Effect::CheckRoom { room, password } => return Some(self.check_room(room, password)),
            Effect::Join { room, password, quick } => return Some(self.join(room, password, quick)),
            Effect::Create { room, password } => return Some(self.create(room, password)),
            Effect::CreateGroup(room) => return Some(self.create_group(room)),
            Effect::OpenDirect(whom) => return self.open_direct(&whom),
            Effect::Rename(name) => return self.rename(&name),
            Effect::Close(conversation) => self.close(&conversation),
            Effect::EnterView(conversation) => self.enter_view(&conversation),
            Effect::LeaveView => self.leave_view(),
            Effect::Say { to, draft, confirm } => self.say(&to, *draft, confirm),
            effect => self.carry_out_rest(effect),
        }
        None
    }

    #[inline(never)]
    fn carry_out_rest(&mut self, effect: Effect) {
        match effect {
            Effect::GiveBack => self.mark_refused(),
            Effect::SendDirect { to, draft, in_view } => self.send_direct(&to, *draft, in_view),
            Effect::TellAway(whom) => self.tell_away_in_conversation(&whom),
            Effect::Reply { id, text } => self.reply(id, text),
            Effect::Edit { which, text } => self.edit(which, &text),
            Effect::Delete(id) => self.delete(id),
            Effect::Search(pattern) => self.search(pattern),
            Effect::Invite { room, invited } => self.invite(&room, &invited),
            Effect::RoomAction { room, act } => self.act(&room, *act),
            Effect::ShowSettings(room) => self.show_settings(&room),
            Effect::ShowTopic(room) => self.show_topic(&room),
            Effect::ListBans(room) => self.list_bans(&room),
            Effect::ListRooms => self.list_rooms(),
            Effect::ListPeople(conversation) => self.list_people(&conversation),
            Effect::ListEverybody => self.list_everybody(),
            Effect::ShowHistory { of, count } => self.show_history(&of, count),
            Effect::TellWhoIs(whom) => self.tell_who_is(&whom),
            Effect::SetAway(away) => self.set_away(away),
            Effect::Ignore(whom) => self.ignore(&whom),
            Effect::Unignore(whom) => self.unignore(&whom),
            Effect::ListIgnored => self.list_ignored(),
            Effect::SetBell(bell) => self.set_bell(bell),
            Effect::SetTimeZone(name) => self.set_time_zone(name),
            Effect::TellTimeZone => self.tell_time_zone(),
            Effect::TellQuote => self.tell_quote(),
            Effect::Shutdown(code) => self.shut_down(&code),
            Effect::TellTime => self.tell_time(),
            Effect::TellWhoAmI => self.tell_who_am_i(),
            Effect::Redraw => self.redraw(),
            Effect::SetCharacterMode(on) => self.set_character_mode(on),
            Effect::SetCharset(charset) => self.set_charset(charset),
            Effect::TellCharset => self.tell_charset(),
            Effect::SetColor(on) => self.set_color(on),
            Effect::SetViewing(viewing) => self.set_viewing(viewing),
            Effect::HideInput => self.hide_input(),
            Effect::ShowInput => self.show_input(),
            Effect::KeepHidden => self.keep_hidden(),
            Effect::Quit => self.disconnect = Some(DisconnectReason::Quit),
            Effect::Register { password } => self.register(password),
            Effect::ChangePassword { old, new } => self.change_password(old, new),
            Effect::Unregister { password } => self.unregister(password),
            Effect::Ghost { name, password } => self.ghost(&name, password),
            Effect::Broadcast(text) => self.broadcast(&text),
            Effect::BanAddress(ban) => self.ban_address(&ban),
            Effect::UnbanAddress(network) => self.unban_address(&network),
            Effect::ListAddressBans => self.list_address_bans(),
            Effect::ShowAudit(count) => self.show_audit(count),
            // The others are answered: see `carry_out_one`.
            _ => {}
        }
    }

    #[inline(never)]
    fn set_character_mode(&mut self, on: bool) {
        if on && !self.input.link.is_confirmed() {
            self.outbox
                .tell(LineKind::Refusal, "Your client has not shown that it speaks telnet: it stays in line mode.");
            return;
        }
        if on == self.input.link.is_character_mode() {
            let mode = if on { "char" } else { "line" };
            self.outbox.tell(LineKind::News, &format!("You are in {mode} mode already."));
            return;
        }
        self.input.link.request_character_mode(on, &mut self.input.protocol);
        self.send_protocol();
        let mode =
            if on { "char mode: the server edits your line" } else { "line mode: your terminal edits your line" };
        self.outbox.tell(LineKind::News, &format!("Asked for {mode}."));
    }

    #[inline(never)]
    fn set_color(&mut self, on: bool) {
        self.terminal.choices.color = Some(on);
        self.look_again();
        self.save_settings();
        let told = match (on, self.input.link.terminal().ansi()) {
            (true, true) => "Colour is on.",
            (true, false) => "Colour is wanted, but your terminal has not said that it can.",
            (false, _) => "Colour is off.",
        };
        self.outbox.tell(LineKind::News, told);
    }

    #[inline(never)]
    fn set_viewing(&mut self, viewing: Viewing) {
        let told = match viewing {
            Viewing::Timestamps(true) => "Timestamps are on.",
            Viewing::Timestamps(false) => "Timestamps are off; :history still shows them.",
            Viewing::Ids(true) => "Ids are on.",
            Viewing::Ids(false) => "Ids are off; :history still shows them.",
            Viewing::Quiet(true) => "Quiet is on: the view does not show who joins, leaves or is renamed.",
            Viewing::Quiet(false) => "Quiet is off.",
        };
        match viewing {
            Viewing::Timestamps(on) => self.terminal.choices.timestamps = Some(on),
            Viewing::Ids(on) => self.terminal.choices.ids = Some(on),
            Viewing::Quiet(on) => self.terminal.choices.quiet = Some(on),
        }
        self.look_again();
        self.save_settings();
        self.outbox.tell(LineKind::News, told);
    }

    #[inline(never)]
    fn hide_input(&mut self) {
        self.warn_of_clear_text();
        let telnet = self.input.link.is_confirmed();
        self.outbox.with_display(|display, out| display.set_hidden(telnet, out));
        self.input.link.hide_input(&mut self.input.protocol);
        self.send_protocol();
        self.warn_of_echo();
    }

    fn show_input(&mut self) {
        self.outbox.with_display(|display, out| display.set_hidden(false, out));
        let hidden_by_telnet = self.input.link.is_confirmed() && !self.input.link.is_character_mode();
        self.input.link.show_input(&mut self.input.protocol);
        self.send_protocol();
        if hidden_by_telnet {
            // The Enter after a hidden line was not shown either.
            self.outbox.with_display(|display, _| display.spoil_row());
        }
    }

    /// As above, but the next line stays hidden: to show what is typed between two passwords, until telnet has agreed
    /// to hide it again, would show the start of what was typed ahead.
    #[inline(never)]
    fn keep_hidden(&mut self) {
        if self.input.link.is_confirmed() && !self.input.link.is_character_mode() {
            self.outbox.with_display(|display, _| display.spoil_row());
        }
    }
}
