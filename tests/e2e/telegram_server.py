"""A Bot API server on loopback: what Telegram's own does, as far as a chatbot can tell, and with faults on demand.

Every call, result and update is checked against the official description where that lies beside the project
(``../shared/specs``); `TelegramServer.violations` lists what does not hold.
"""

import asyncio
import itertools
import json
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from aiohttp import web

from tests.e2e import specs

Json = dict[str, Any]

WAIT_S = 20.0
"""A test that waits longer for something has failed."""

TOKEN = re.compile(r"\d+:[\w-]+", re.ASCII)
ENTITY = re.compile(r"(?<!\w)(?P<mention>@\w{4,32})|(?<![\w/])(?P<bot_command>/\w{1,64}(?:@\w{4,32})?)", re.ASCII)


def utf16_length(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def person(user_id: int, first_name: str, **more: Any) -> Json:
    return {"id": user_id, "is_bot": False, "first_name": first_name, "language_code": "en", **more}


def private(user: Json) -> Json:
    return {"id": user["id"], "type": "private", "first_name": user["first_name"]}


def group(chat_id: int, **more: Any) -> Json:
    return {"id": chat_id, "type": "supergroup", "title": "Group", **more}


def find_entities(text: str) -> list[Json]:
    """The mentions and commands in a text, as Telegram marks them."""
    return [
        {"type": match.lastgroup, "offset": utf16_length(text[: match.start()]), "length": len(match[0])}
        for match in ENTITY.finditer(text)
    ]


@dataclass(frozen=True)
class Call:
    """One call of a method, with its parameters as they came; of an uploaded file, its name stands there."""

    method: str
    params: dict[str, str]
    files: dict[str, bytes] = field(default_factory=dict)


class Params(dict[str, str]):
    """The parameters of a call; of an uploaded file its name, and in `files` its content."""

    def __init__(self) -> None:
        super().__init__()
        self.files: dict[str, bytes] = {}


@dataclass
class Fault:
    """What the next calls of a method meet, instead of what it does or, if `delivered`, after it."""

    status: int | Literal["drop", "hang"]
    times: float
    delivered: bool
    parameters: Json = field(default_factory=dict)

    def answer(self) -> web.Response:
        if isinstance(self.status, int) and self.status > web.HTTPInternalServerError.status_code:
            return web.Response(status=self.status, text="<html>the gateway has no answer</html>")
        return failure(ApiError(int(self.status), f"Fault {self.status}", self.parameters))


class ApiError(Exception):
    """An answer that is no result."""

    def __init__(self, status: int, description: str, parameters: Json | None = None) -> None:
        super().__init__(description)
        self.status = status
        self.body: Json = {"ok": False, "error_code": status, "description": description}
        if parameters:
            self.body["parameters"] = parameters


def failure(error: ApiError) -> web.Response:
    return web.json_response(error.body, status=error.status)


class TelegramServer:
    """The server: an asynchronous context manager, in the loop of the test.

    `api_url` and `token` are what a bot needs to reach it; `calls` is all it asked for, `messages` all it sent, as
    they stand now, and `answered` what it said of each press, by its id. Addresses in `unfetchable` cannot be fetched.
    """

    def __init__(self, token: str = "123456:a-token-of-the-tests") -> None:
        self.token = token
        self.me: Json = {"id": 123456, "is_bot": True, "first_name": "Parley", "username": "parley_test_bot"}
        self.violations: list[str] = []
        self.calls: list[Call] = []
        self.messages: list[Json] = []
        self.updates: list[Json] = []
        self.commands: dict[str, list[Json]] = {}
        self.webhook_url = ""
        self.blocked: set[int] = set()
        self.migrated: dict[int, int] = {}
        self.unfetchable: set[str] = set()
        self.answered: dict[str, str] = {}
        self._pressed: set[str] = set()
        self._allowed_updates: set[str] = set()
        self._chats: dict[int, Json] = {}
        self._history: dict[tuple[int, int], Json] = {}
        self._faults: dict[str, Fault] = {}
        self._n_taken: dict[int | None, int] = {}
        self._message_ids = itertools.count(1)
        self._update_ids = itertools.count(1000)
        self._changed = asyncio.Condition()
        self._newest_poll = 0
        self._port = 0
        self._methods = {
            "getme": self._get_me,
            "getupdates": self._get_updates,
            "setwebhook": self._set_webhook,
            "deletewebhook": self._set_webhook,
            "getwebhookinfo": self._get_webhook_info,
            "getmycommands": self._get_my_commands,
            "setmycommands": self._set_my_commands,
            "deletemycommands": self._delete_my_commands,
            "sendmessage": self._send_message,
            "editmessagetext": self._edit_message_text,
            "editmessagereplymarkup": self._edit_message_reply_markup,
            "answercallbackquery": self._answer_callback_query,
            "sendphoto": self._send_photo,
            "senddocument": self._send_document,
            "deletemessage": self._delete_message,
            "sendchataction": self._send_chat_action,
        }

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=2**26)
        app.router.add_route("*", "/bot{token}/{method}", self._handle)
        # Handlers are cancelled with their connection: a poll whose client has gone must not take what comes next.
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        await self._listen()
        return self

    async def __aexit__(self, _kind: object, under_way: BaseException | None, _trace: object) -> None:
        await self._runner.cleanup()
        specs.raise_violations(self.violations, under_way)

    async def _listen(self) -> None:
        self._site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await self._site.start()
        self._port = self._runner.addresses[0][1]

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self._port}/bot"

    # What a test does and waits for.

    def join(self, chat: Json) -> None:
        """Make the bot a member of a chat in which nobody has written yet."""
        self._chats[chat["id"]] = chat

    async def say(
        self,
        user: Json,
        chat: Json | None,
        text: str,
        *,
        reply_to: Json | None = None,
        entities: list[Json] | None = None,
        topic: int | None = None,
    ) -> Json:
        """Let a person write, without a chat in their private one; returns the message as it is delivered."""
        message = self._new_message(user, chat or private(user), text)
        if entities := find_entities(text) if entities is None else entities:
            message["entities"] = entities
        if topic is not None:
            message |= {"message_thread_id": topic, "is_topic_message": True}
        if reply_to is not None:
            message["reply_to_message"] = {key: value for key, value in reply_to.items() if key != "reply_to_message"}
        await self.send_update({"message": message})
        return message

    async def press(self, user: Json, message: Json, title: str, *, is_old: bool = False) -> str:
        """Press a button under a message of the bot, as it stands now; returns the id of the press.

        Parameters
        ----------
        is_old
            Whether Telegram tells no more of the message than where it stands.
        """
        rows = message.get("reply_markup", {}).get("inline_keyboard", [])
        buttons = {button["text"]: button for row in rows for button in row}
        assert title in buttons, f"there is no button {title!r}, only {sorted(buttons)}"
        shown = dict(message)
        if is_old:
            shown = {"chat": message["chat"], "message_id": message["message_id"], "date": 0}
        query_id = str(next(self._update_ids))
        self._pressed.add(query_id)
        data = buttons[title]["callback_data"]
        query = {"id": query_id, "from": user, "message": shown, "chat_instance": "1", "data": data}
        await self.send_update({"callback_query": query})
        return query_id

    async def send_update(self, update: Json) -> int:
        """Queue an update of any kind, given without its id; returns the id."""
        update = {"update_id": next(self._update_ids), **update}
        self.violations += specs.telegram_update(update)
        if not self._allowed_updates or not self._allowed_updates.isdisjoint(update):
            self.updates.append(update)
        await self._notify()
        return int(update["update_id"])

    async def next_message(self, chat: Json | None = None) -> Json:
        """Wait for the bot's next message, in one chat or in any, in the order of sending."""
        chat_id = chat["id"] if chat else None
        n_taken = self._n_taken.get(chat_id, 0)
        await self.until(lambda: len(self.messages_in(chat_id)) > n_taken)
        self._n_taken[chat_id] = n_taken + 1
        return self.messages_in(chat_id)[n_taken]

    def messages_in(self, chat_id: int | None) -> list[Json]:
        return [message for message in self.messages if chat_id in (None, message["chat"]["id"])]

    def calls_of(self, method: str) -> list[Call]:
        return [call for call in self.calls if call.method.lower() == method.lower()]

    async def wait_for(self, method: str, times: int = 1) -> list[Call]:
        """Wait until a method has been called so often; returns the calls."""
        await self.until(lambda: len(self.calls_of(method)) >= times)
        return self.calls_of(method)

    async def until_confirmed(self) -> None:
        """Wait until the bot has confirmed every update."""
        await self.until(lambda: not self.updates)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds; it is looked at after every call and every update."""
        async with asyncio.timeout(WAIT_S), self._changed:
            await self._changed.wait_for(condition)

    def fail_next(
        self,
        method: str,
        status: int | Literal["drop", "hang"],
        *,
        times: float = 1,
        delivered: bool = False,
        retry_after: int | None = None,
    ) -> None:
        """Let the next calls of a method fail.

        Parameters
        ----------
        status
            The HTTP status; ``"drop"`` closes the connection, ``"hang"`` never answers. Over 500 the body is a page.
        times
            How many calls; ``math.inf`` until `recover`.
        delivered
            Whether the method is carried out all the same, and only its answer is lost.
        retry_after
            With 429: the pause that is asked for, in seconds.
        """
        parameters = {} if retry_after is None else {"retry_after": retry_after}
        self._faults[method.lower()] = Fault(status, times, delivered, parameters)

    def recover(self, method: str) -> None:
        self._faults.pop(method.lower(), None)

    @asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        """Refuse connections, and cut those that stand, for as long as the context lasts."""
        await self._site.stop()
        assert self._runner.server is not None
        for connection in self._runner.server.connections:
            connection.force_close()
        yield
        await self._listen()

    # How a call is served.

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        try:
            self._check_token(request.match_info["token"])
            params = await _params_of(request)
            self.calls.append(Call(method, params, params.files))
            self.violations += specs.telegram_call(method, params)
            await self._notify()
            return await self._serve(request, method, params)
        except ApiError as error:
            self.violations += specs.telegram_refusal(method, error.body)
            return failure(error)
        finally:
            await self._notify()

    def _check_token(self, token: str) -> None:
        if not TOKEN.fullmatch(token):
            raise ApiError(404, "Not Found")
        if token != self.token:
            raise ApiError(401, "Unauthorized")

    async def _serve(self, request: web.Request, method: str, params: dict[str, str]) -> web.StreamResponse:
        fault = self._next_fault(method)
        if fault is None or fault.delivered:
            response = web.json_response({"ok": True, "result": await self._call(method, params)})
        if fault is None:
            return response
        await self._notify()
        if fault.status == "hang":
            await asyncio.Event().wait()
        if fault.status == "drop":
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        return fault.answer()

    def _next_fault(self, method: str) -> Fault | None:
        fault = self._faults.get(method.lower())
        if fault is None or fault.times <= 0:
            return None
        fault.times -= 1
        return fault

    async def _call(self, method: str, params: dict[str, str]) -> Any:
        if method.lower() not in self._methods:
            raise ApiError(404, "Not Found")
        with specs.noting_failures(self.violations, but=ApiError):
            result = await self._methods[method.lower()](params)
        self.violations += specs.telegram_result(method, result)
        return result

    # The methods.

    async def _get_me(self, _: dict[str, str]) -> Json:
        rights = {"can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": False}
        return {**self.me, **rights}

    async def _get_updates(self, params: dict[str, str]) -> list[Json]:
        if self.webhook_url:
            raise ApiError(409, "Conflict: can't use getUpdates method while webhook is active")
        if "allowed_updates" in params:
            self._allowed_updates = set(json.loads(params["allowed_updates"]))
        offset = int(params.get("offset", 0))
        self.updates = [update for update in self.updates if update["update_id"] >= offset]
        self._newest_poll += 1
        this_poll = self._newest_poll
        async with self._changed:
            self._changed.notify_all()
            try:
                async with asyncio.timeout(int(params.get("timeout", 0))):
                    await self._changed.wait_for(lambda: self.updates or this_poll != self._newest_poll)
            except TimeoutError:
                return []
        if this_poll != self._newest_poll:
            raise ApiError(409, "Conflict: terminated by other getUpdates request")
        return self.updates[: int(params.get("limit", 100))]

    async def _set_webhook(self, params: dict[str, str]) -> bool:
        self.webhook_url = params.get("url", "")
        if params.get("drop_pending_updates") == "true":
            self.updates.clear()
        return True

    async def _get_webhook_info(self, _: dict[str, str]) -> Json:
        n_waiting = len(self.updates)
        return {"url": self.webhook_url, "has_custom_certificate": False, "pending_update_count": n_waiting}

    async def _get_my_commands(self, params: dict[str, str]) -> list[Json]:
        return self.commands.get(_menu(params), [])

    async def _set_my_commands(self, params: dict[str, str]) -> bool:
        self.commands[_menu(params)] = json.loads(params["commands"])
        return True

    async def _delete_my_commands(self, params: dict[str, str]) -> bool:
        self.commands.pop(_menu(params), None)
        return True

    async def _send_message(self, params: dict[str, str]) -> Json:
        chat = self._chat(params)
        return self._sent(self._new_message(self.me, chat, _checked_text(params)), params)

    async def _send_photo(self, params: dict[str, str]) -> Json:
        self._check_upload(params, "photo", 10_000_000)
        size = {"file_id": "a", "file_unique_id": "b", "width": 1, "height": 1}
        return self._sent(self._new_message(self.me, self._chat(params), None, photo=[size]), params)

    async def _send_document(self, params: dict[str, str]) -> Json:
        name = self._check_upload(params, "document", 50_000_000)
        document = {"file_id": "a", "file_unique_id": "b", "file_name": name}
        return self._sent(self._new_message(self.me, self._chat(params), None, document=document), params)

    def _check_upload(self, params: dict[str, str], name: str, limit_bytes: int) -> str:
        """Refuse what Telegram would not take, uploaded just now or fetched from an address."""
        if params[name] in self.unfetchable:
            raise ApiError(400, "Bad Request: failed to get HTTP URL content")
        data = params.files.get(name) if isinstance(params, Params) else None
        if data is None and not params[name].startswith("https://"):
            raise ApiError(400, "Bad Request: invalid file HTTP URL specified: Unsupported URL protocol")
        if data is not None and not 0 < len(data) <= limit_bytes:
            raise ApiError(413 if data else 400, "Request Entity Too Large" if data else "Bad Request: file is empty")
        return params[name]

    def _sent(self, message: Json, params: dict[str, str]) -> Json:
        """Add to a new message of the bot what it shares with others of its kinds."""
        chat = message["chat"]
        if "reply_markup" in params:
            message["reply_markup"] = _checked_keyboard(params["reply_markup"])
        if "message_thread_id" in params:
            message |= {"message_thread_id": int(params["message_thread_id"]), "is_topic_message": True}
        if "reply_parameters" in params:
            reply = json.loads(params["reply_parameters"])
            earlier = self._history.get((chat["id"], reply["message_id"]))
            if earlier is not None:
                message["reply_to_message"] = {k: v for k, v in earlier.items() if k != "reply_to_message"}
            elif not reply.get("allow_sending_without_reply"):
                raise ApiError(400, "Bad Request: message to be replied not found")
        self.messages.append(message)
        return message

    async def _edit_message_text(self, params: dict[str, str]) -> Json:
        message = self._own_message(params, "edited")
        if "text" not in message:
            raise ApiError(400, "Bad Request: there is no text in the message to edit")
        return self._edited(message, {"text": _checked_text(params)}, params)

    async def _edit_message_reply_markup(self, params: dict[str, str]) -> Json:
        return self._edited(self._own_message(params, "edited"), {}, params)

    def _edited(self, message: Json, changes: Json, params: dict[str, str]) -> Json:
        """Change a message; its buttons go unless there are new ones."""
        if "reply_markup" in params:
            changes["reply_markup"] = _checked_keyboard(params["reply_markup"])
        after = {key: value for key, value in message.items() if key != "reply_markup"} | changes
        if after == message:
            raise ApiError(400, "Bad Request: message is not modified")
        message.pop("reply_markup", None)
        message |= {**changes, "edit_date": int(time.time())}
        return message

    async def _answer_callback_query(self, params: dict[str, str]) -> bool:
        query_id = params["callback_query_id"]
        if query_id not in self._pressed:
            raise ApiError(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
        self._pressed.remove(query_id)
        self.answered[query_id] = params.get("text", "")
        return True

    async def _delete_message(self, params: dict[str, str]) -> bool:
        self.messages.remove(self._own_message(params, "deleted"))
        return True

    async def _send_chat_action(self, params: dict[str, str]) -> bool:
        self._chat(params)
        return True

    def _new_message(self, sender: Json, chat: Json, text: str | None, **more: Any) -> Json:
        self._chats[chat["id"]] = chat
        message: Json = {
            "message_id": next(self._message_ids),
            "date": int(time.time()),
            "chat": chat,
            "from": sender,
            **({} if text is None else {"text": text}),
            **more,
        }
        self._history[chat["id"], message["message_id"]] = message
        return message

    def _chat(self, params: dict[str, str]) -> Json:
        chat_id = int(params["chat_id"])
        if chat_id in self.blocked:
            raise ApiError(403, "Forbidden: bot was blocked by the user")
        if chat_id in self.migrated:
            to = self.migrated[chat_id]
            self._chats.setdefault(to, group(to))
            raise ApiError(400, "Bad Request: group chat was upgraded to a supergroup chat", {"migrate_to_chat_id": to})
        if chat_id not in self._chats:
            raise ApiError(400, "Bad Request: chat not found")
        return self._chats[chat_id]

    def _own_message(self, params: dict[str, str], done: str) -> Json:
        message = self._history.get((self._chat(params)["id"], int(params["message_id"])))
        if message is None or message["from"] is not self.me:
            raise ApiError(400, f"Bad Request: message to be {done} not found")
        return message


async def _params_of(request: web.Request) -> Params:
    params = Params()
    for key, value in [*request.query.items(), *(await request.post()).items()]:
        if isinstance(value, web.FileField):
            params[key], params.files[key] = value.filename, value.file.read()
        else:
            params[key] = str(value)
    return params


def _menu(params: dict[str, str]) -> str:
    """The key of one menu of commands: to whom it is shown, and in which language."""
    scope = json.loads(params.get("scope", '{"type": "default"}'))
    return json.dumps([scope, params.get("language_code", "")], sort_keys=True)


def _checked_text(params: dict[str, str]) -> str:
    text = params.get("text", "").strip()
    if not text:
        raise ApiError(400, "Bad Request: message text is empty")
    if utf16_length(text) > 4096:
        raise ApiError(400, "Bad Request: message is too long")
    return text


def _checked_keyboard(markup: str) -> Json:
    keyboard: Json = json.loads(markup)
    for row in keyboard["inline_keyboard"]:
        for button in row:
            if not button["text"].strip():
                raise ApiError(400, "Bad Request: text buttons are unallowed in the inline keyboard")
            if not 1 <= len(button["callback_data"].encode()) <= 64:
                raise ApiError(400, "Bad Request: BUTTON_DATA_INVALID")
    return keyboard
