//! Carries out what the palette wants done.
//!
//! *Owns* which part of the session does what, and the switches of the terminal.
//! *Knows nothing of* what was typed.

use super::Session;
use crate::chat::action::Actor;
use crate::chat::conversation::Conversation;
use crate::outbox::DisconnectReason;
use crate::ui::command::{CommandAccess, HelpPage};
use crate::ui::palette::{
    AccountEffect, Answer, Effect, LoginEffect, MessageEffect, OperatorEffect, PlaceEffect, RoomEffect, ScreenEffect,
    ShowEffect, UserEffect, Viewing,
};
use crate::ui::screen::{LineKind, Prompt};

/// Most lines and answers have no more effects than this. By default a vector allocates room for four, which would stay
/// with every idle user.
const USUAL_EFFECTS: usize = 2;

pub(super) fn reserve_effects(effects: &mut Vec<Effect>) {
    effects.reserve_exact(USUAL_EFFECTS);
}

impl Session {
    /// Carries out the effects in their order; answers may bring more.
    pub(super) fn carry_out(&mut self) {
        let mut effects = std::mem::take(&mut self.effects);
        let mut more = Vec::new();
        effects.reverse();
        loop {
            while self.carry_out_next(&mut effects, &mut more) {
                // The effects of an answer come before the rest. Reversed, because the last one is carried out next.
                more.reverse();
                effects.append(&mut more);
            }
            if !self.account.has_arrived() {
                break;
            }
            self.restore_login(&mut effects);
            effects.reverse();
        }
        self.effects = effects;
    }

    /// Carries out the last of the effects. False if there is none.
    #[inline(never)]
    fn carry_out_next(&mut self, effects: &mut Vec<Effect>, more: &mut Vec<Effect>) -> bool {
        let Some(effect) = effects.pop() else { return false };
        if let Some(answer) = self.carry_out_one(effect) {
            self.take_answer(answer, more);
        }
        true
    }

    /// Lets the palette react to an answer. Not inlined, because this is not on the path to the deepest call.
    #[inline(never)]
    fn take_answer(&mut self, answer: Answer, more: &mut Vec<Effect>) {
        #[cfg(feature = "json")]
        let Some(answer) = self.note_answer(answer) else { return };
        reserve_effects(more);
        self.palette.answer(answer, more);
    }

    /// No group is inlined: all those frames together would cost every idle user a page of stack. Within a group, what
    /// only admins, operators and owners of accounts do may be inlined.
    #[inline(never)]
    fn carry_out_one(&mut self, effect: Effect) -> Option<Answer> {
        match effect {
            Effect::Say { to, draft, confirm } => self.say(&to, *draft, confirm),
            Effect::Tell(kind, line) => self.outbox.tell(kind, &line),
            Effect::GiveBack => self.mark_refused(),
            Effect::Login(effect) => return self.carry_out_login(effect),
            Effect::Account(effect) => return self.carry_out_account(effect),
            Effect::Place(effect) => return self.carry_out_place(effect),
            Effect::User(effect) => return self.carry_out_user(effect),
            Effect::Room(effect) => self.carry_out_room(effect),
            Effect::Message(effect) => self.carry_out_message(effect),
            Effect::Show(effect) => self.show(effect),
            Effect::File(effect) => self.carry_out_file(effect),
            Effect::Operator(effect) => self.carry_out_operator(effect),
            Effect::Screen(effect) => self.carry_out_screen(effect),
            Effect::Quit => self.disconnect = Some(DisconnectReason::Quit),
        }
        None
    }

    #[inline(never)]
    fn carry_out_login(&mut self, effect: LoginEffect) -> Option<Answer> {
        match effect {
            LoginEffect::ClaimName(name) => Some(self.claim_name(name)),
            LoginEffect::Login { name, password, ghost } => Some(self.come_in(&name, password, ghost)),
            LoginEffect::BeginGhost(name) => self.begin_ghost(name),
            LoginEffect::TakeOver => self.take_over(),
            LoginEffect::LetBe => {
                self.decline_takeover();
                None
            }
            LoginEffect::CheckRoom { room, password } => Some(self.check_room(room, password)),
        }
    }

    #[inline(never)]
    fn carry_out_account(&mut self, effect: AccountEffect) -> Option<Answer> {
        match effect {
            AccountEffect::Begin(ask) => return self.begin_account(ask),
            AccountEffect::LogIn { name, password } => return self.log_in(&name, password),
            AccountEffect::Register { password } => self.register(password),
            AccountEffect::ChangePassword { old, new } => self.change_password(old, new),
            AccountEffect::Unregister { password } => self.unregister(password),
            AccountEffect::Ghost { name, password } => self.ghost(&name, password),
        }
        None
    }

    #[inline(never)]
    fn carry_out_place(&mut self, effect: PlaceEffect) -> Option<Answer> {
        match effect {
            PlaceEffect::Join { room, password, quick } => return Some(self.join(room, password, quick)),
            PlaceEffect::Create { room, password } => {
                return Some(self.create(room, password, true).unwrap_or_else(Answer::RoomRefusal));
            }
            PlaceEffect::CreateGroup(room) => return Some(self.create_group(room).unwrap_or_else(Answer::RoomRefusal)),
            PlaceEffect::OpenDirect(partner) => return self.open_direct(&partner),
            PlaceEffect::EnterView(conversation) => self.enter_view(&conversation),
            PlaceEffect::LeaveView => self.leave_view(),
            PlaceEffect::Close(conversation) => self.close(&conversation),
        }
        None
    }

    #[inline(never)]
    fn carry_out_user(&mut self, effect: UserEffect) -> Option<Answer> {
        match effect {
            UserEffect::Rename(name) => return self.rename(&name),
            UserEffect::SetAway(note) => self.set_away(note),
            UserEffect::Ignore(user) => self.ignore(&user),
            UserEffect::Unignore(user) => self.unignore(&user),
        }
        None
    }

    #[inline(never)]
    fn carry_out_room(&mut self, effect: RoomEffect) {
        match effect {
            RoomEffect::Invite { room, invited } => self.invite(&room, &invited),
            RoomEffect::Act { room, act } => self.act(&room, *act),
            RoomEffect::ShowSettings(room) => self.show_settings(&room),
            RoomEffect::ShowTopic(room) => self.show_topic(&room),
            RoomEffect::ListBans(room) => self.list_bans(&room),
        }
    }

    #[inline(never)]
    fn carry_out_message(&mut self, effect: MessageEffect) {
        match effect {
            MessageEffect::SendDirect { to, draft, in_view } => self.send_direct(&to, *draft, in_view),
            MessageEffect::Reply { id, text } => self.reply(id, text),
            MessageEffect::Edit { which, text } => self.edit(which, &text),
            MessageEffect::Delete(id) => self.delete(id),
        }
    }

    #[inline(never)]
    fn show(&mut self, effect: ShowEffect) {
        match effect {
            ShowEffect::Help { page, mark } => self.show_help(page, mark),
            ShowEffect::Rooms => self.list_rooms(),
            ShowEffect::People(conversation) => self.list_people(&conversation),
            ShowEffect::Everybody => self.list_everybody(),
            ShowEffect::History { of, count } => self.show_history(&of, count),
            ShowEffect::Search(pattern) => self.search(pattern, None),
            ShowEffect::WhoIs(user) => self.tell_who_is(&user),
            ShowEffect::WhoAmI => self.tell_who_am_i(),
            ShowEffect::Away(user) => self.tell_away_in_conversation(&user),
            ShowEffect::Ignored => self.list_ignored(),
            ShowEffect::Time => self.tell_time(),
            ShowEffect::TimeZone => self.tell_time_zone(),
            ShowEffect::Charset => self.tell_charset(),
            ShowEffect::Quote => self.tell_quote(),
        }
    }

    #[inline(never)]
    fn carry_out_operator(&mut self, effect: OperatorEffect) {
        match effect {
            OperatorEffect::Broadcast(text) => self.broadcast(&text),
            OperatorEffect::BanAddress(ban) => self.ban_address(&ban),
            OperatorEffect::UnbanAddress(network) => self.unban_address(&network),
            OperatorEffect::ListAddressBans => self.list_address_bans(),
            OperatorEffect::ShowAudit(count) => self.show_audit(count),
            OperatorEffect::Shutdown { code, all } => self.shut_down(code.expose(), all),
        }
    }

    #[inline(never)]
    fn carry_out_screen(&mut self, effect: ScreenEffect) {
        match effect {
            ScreenEffect::Redraw => self.redraw(),
            ScreenEffect::SetBell(bell) => self.set_bell(bell),
            ScreenEffect::SetTimeZone(name) => self.set_time_zone(name),
            ScreenEffect::SetCharacterMode(on) => self.set_character_mode(on),
            ScreenEffect::SetCharset(charset) => self.set_charset(charset),
            ScreenEffect::SetColor(on) => self.set_color(on),
            ScreenEffect::SetViewing(viewing) => self.set_viewing(viewing),
            ScreenEffect::HideInput => self.hide_input(),
            ScreenEffect::KeepHidden => self.keep_hidden(),
            ScreenEffect::ShowInput => self.show_input(),
        }
    }

    /// Shows a page of the help, with what this user can use where they are.
    #[inline(never)]
    fn show_help(&self, page: HelpPage, mark: char) {
        let actor = self.actor();
        let room = self.palette.current().and_then(Conversation::room).and_then(|room| self.rooms.get(room));
        let is_admin = |actor: &Actor| room.is_some_and(|room| room.room().is_admin(actor, self.now()));
        let is_owner = |actor: &Actor| room.is_some_and(|room| room.room().can_destroy(actor, self.now()));
        let viewer = CommandAccess {
            accounts: self.hub.accounts(),
            in_view: matches!(self.palette.prompt(), Prompt::ChatView(_)),
            logged_in: actor.as_ref().is_some_and(|actor| actor.who.account.is_some()),
            room_admin: actor.as_ref().is_some_and(is_admin),
            room_owner: actor.as_ref().is_some_and(is_owner),
            operator: actor.is_some_and(|actor| actor.operator),
            files: self.hub.file_place(&self.outbox).is_some(),
            shared: self.hub.is_shared(),
            exit_code: self.hub.shutdown_code().is_some(),
        };
        for line in page.lines(mark, viewer) {
            self.outbox.tell(LineKind::News, &line);
        }
    }

    #[inline(never)]
    fn set_character_mode(&mut self, on: bool) {
        if on && !self.input.link.is_confirmed() {
            self.refuse("Your client has not shown that it speaks telnet: it stays in line mode.");
            return;
        }
        if on == self.input.link.is_character_mode() {
            let mode = if on { "char" } else { "line" };
            self.outbox.tell(LineKind::News, &format!("You are already in {mode} mode."));
            return;
        }
        self.input.link.request_character_mode(on, &mut self.input.protocol);
        self.send_protocol();
        let mode =
            if on { "char mode: the server edits your line" } else { "line mode: your terminal edits your line" };
        self.outbox.tell(LineKind::News, &format!("Asked for {mode}."));
    }

    fn set_color(&mut self, on: bool) {
        self.terminal.choices.color = Some(on);
        self.update_style();
        self.save_settings();
        let told = match (on, self.input.link.terminal().ansi()) {
            (true, true) => "Colour is on.",
            (true, false) => "Colour is on, but your terminal has not said that it can show it.",
            (false, _) => "Colour is off.",
        };
        self.outbox.tell(LineKind::News, told);
    }

    fn set_viewing(&mut self, viewing: Viewing) {
        let told = match viewing {
            Viewing::Timestamps(true) => "Timestamps are on.",
            Viewing::Timestamps(false) => "Timestamps are off;",
            Viewing::Ids(true) => "Ids are on.",
            Viewing::Ids(false) => "Ids are off;",
            Viewing::Quiet(true) => "Quiet is on: the view does not show who joins, leaves or is renamed.",
            Viewing::Quiet(false) => "Quiet is off.",
        };
        match viewing {
            Viewing::Timestamps(on) => self.terminal.choices.timestamps = Some(on),
            Viewing::Ids(on) => self.terminal.choices.ids = Some(on),
            Viewing::Quiet(on) => self.terminal.choices.quiet = Some(on),
        }
        self.update_style();
        self.save_settings();
        match viewing {
            Viewing::Timestamps(false) | Viewing::Ids(false) => self.outbox.advise(told, ":history still shows them."),
            Viewing::Timestamps(true) | Viewing::Ids(true) | Viewing::Quiet(_) => {
                self.outbox.tell(LineKind::News, told);
            }
        }
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

    /// The same, but the next line stays hidden: if echo came back between two passwords, until telnet has agreed to
    /// hide it again, the start of a password typed ahead would be visible.
    #[inline(never)]
    fn keep_hidden(&mut self) {
        if self.input.link.is_confirmed() && !self.input.link.is_character_mode() {
            self.outbox.with_display(|display, _| display.spoil_row());
        }
    }
}
