"""A Bot API server on loopback: what Telegram's own does, as far as a chatbot can tell, and with faults on demand.

Every call, result and update is checked against the official description where that lies beside the project
(``../shared/specs``); `TelegramServer.violations` lists what does not hold.
"""

import asyncio
import itertools
import json
import re
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from aiohttp import ClientError, ClientSession, ClientTimeout, web

from tests.e2e import specs
from tests.e2e.telegram_entities import NotParsedError, parse_html, utf16_length

Json = dict[str, Any]

WAIT_S = 20.0
"""A test that waits longer for something has failed."""

TOKEN = re.compile(r"\d+:[\w-]+", re.ASCII)
ENTITY = re.compile(r"(?<!\w)(?P<mention>@\w{4,32})|(?<![\w/])(?P<bot_command>/\w{1,64}(?:@\w{4,32})?)", re.ASCII)


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
    description: str = ""

    def answer(self) -> web.Response:
        if isinstance(self.status, int) and self.status > web.HTTPInternalServerError.status_code:
            return web.Response(status=self.status, text="<html>the gateway has no answer</html>")
        return failure(ApiError(int(self.status), self.description or f"Fault {self.status}", self.parameters))


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
    Once a webhook is set, updates are brought to `backends`, the addresses that a proxy behind its URL passes on to, in
    turns; without any to the URL itself. `brought` has the id of each with the status it met.
    `inline_answers` has the results for each query by its id, with what would be sent as ``shown``.
    """

    def __init__(self, token: str = "123456:a-token-of-the-tests") -> None:
        self.token = token
        self.me: Json = {"id": 123456, "is_bot": True, "first_name": "Parley", "username": "parley_test_bot"}
        self.violations: list[str] = []
        self.calls: list[Call] = []
        self.messages: list[Json] = []
        self.updates: list[Json] = []
        self.commands: dict[str, list[Json]] = {}
        self.rights = {
            "can_join_groups": True,
            "can_read_all_group_messages": False,
            "supports_inline_queries": False,
        }
        self.webhook: dict[str, str] = {}
        self.webhook_certificate: bytes | None = None
        self.backends: list[str] = []
        self.brought: list[tuple[int, int | None]] = []
        self.inline_answers: dict[str, list[Json]] = {}
        self.anonymous_admins: set[int] = set()
        self._bringing: asyncio.Task[None] | None = None
        self.blocked: set[int] = set()
        self.migrated: dict[int, int] = {}
        self.unfetchable: set[str] = set()
        self.answered: dict[str, str] = {}
        self._pressed: set[str] = set()
        self._typed: set[str] = set()
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
            "deletewebhook": self._delete_webhook,
            "getwebhookinfo": self._get_webhook_info,
            "getmycommands": self._get_my_commands,
            "setmycommands": self._set_my_commands,
            "deletemycommands": self._delete_my_commands,
            "sendmessage": self._send_message,
            "editmessagetext": self._edit_message_text,
            "editmessagereplymarkup": self._edit_message_reply_markup,
            "answercallbackquery": self._answer_callback_query,
            "answerinlinequery": self._answer_inline_query,
            "getchatmember": self._get_chat_member,
            "sendphoto": self._send_photo,
            "senddocument": self._send_document,
            "deletemessage": self._delete_message,
            "deletemessages": self._delete_messages,
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
        await self._stop_bringing()
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
        **more: Any,
    ) -> Json:
        """Let a person write, without a chat in their private one; returns the message as it is delivered.

        What `more` there is stands in the message as well, or in place of what would.
        """
        message = self._new_message(user, chat or private(user), text, **more)
        if entities := find_entities(text) if entities is None else entities:
            message["entities"] = entities
        if topic is not None:
            message |= {"message_thread_id": topic, "is_topic_message": True}
        if reply_to is not None:
            message["reply_to_message"] = {key: value for key, value in reply_to.items() if key != "reply_to_message"}
        await self.send_update({"message": message})
        return message

    async def show(self, user: Json, chat: Json | None = None, **content: Any) -> Json:
        """Let a person send something else than a text, such as a sticker; returns the message."""
        message = self._new_message(user, chat or private(user), None, **content)
        await self.send_update({"message": message})
        return message

    async def edit(self, message: Json, text: str, *, after_s: int = 1) -> int:
        """Let a person edit what they wrote; returns the update's id."""
        message |= {"text": text, "edit_date": message["date"] + after_s}
        message.pop("entities", None)
        if entities := find_entities(text):
            message["entities"] = entities
        return await self.send_update({"edited_message": dict(message)})

    async def type_inline(self, user: Json, text: str, **more: Any) -> str:
        """Let a person type a question after the bot's name; returns the query's id."""
        query_id = str(next(self._update_ids))
        self._typed.add(query_id)
        query = {"id": query_id, "from": user, "query": text, "offset": "", **more}
        await self.send_update({"inline_query": query})
        return query_id

    async def change_standing(self, by: Json, chat: Json, before: str, after: str) -> None:
        """Add the bot to a chat or remove it, as Telegram names its standing there."""
        self._chats[chat["id"]] = chat
        change = {
            "chat": chat,
            "from": by,
            "date": int(time.time()),
            "old_chat_member": _standing(self.me, before),
            "new_chat_member": _standing(self.me, after),
        }
        await self.send_update({"my_chat_member": change})

    async def migrate(self, by: Json, chat: Json, new_id: int) -> None:
        """Let a group become a supergroup: the old one tells of it, and so does the new one."""
        self.migrated[chat["id"]] = new_id
        old = {**chat, "type": "group"}
        await self.send_update({"message": self._new_message(by, old, None, migrate_to_chat_id=new_id)})
        new = self._new_message(by, {**chat, "id": new_id}, None, migrate_from_chat_id=chat["id"])
        await self.send_update({"message": new})

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
        update = deepcopy({"update_id": next(self._update_ids), **update})  # as it is now, however late it is fetched
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

    def menu(self, user: Json, chat: Json | None, *, is_admin: bool = False) -> dict[str, str]:
        """The commands that a person sees in a chat, without one in their private one: the first menu that is set."""
        chat_id, kinds = (user["id"], ["all_private_chats"]) if chat is None else (chat["id"], ["all_group_chats"])
        if is_admin and chat is not None:
            kinds.insert(0, "all_chat_administrators")
        scopes: list[Json] = [{"type": "chat", "chat_id": chat_id}, *({"type": kind} for kind in kinds)]
        for scope in [*scopes, {"type": "default"}]:
            for language in (user["language_code"], ""):
                if commands := self.commands.get(_menu({"scope": json.dumps(scope), "language_code": language})):
                    return {one["command"]: one["description"] for one in commands}
        return {}

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
        description: str = "",
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
        description
            What the answer says, if it is no page.
        """
        parameters = {} if retry_after is None else {"retry_after": retry_after}
        self._faults[method.lower()] = Fault(status, times, delivered, parameters, description)

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
        return {**self.me, **self.rights}

    async def _get_updates(self, params: dict[str, str]) -> list[Json]:
        if self.webhook:
            text = "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook first"
            raise ApiError(409, text)
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
        if not params["url"].startswith("https://"):
            raise ApiError(400, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook")
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", params.get("secret_token", "none")):
            raise ApiError(400, "Bad Request: secret token contains unallowed characters")
        self.webhook = dict(params)
        self.webhook_certificate = params.files.get("certificate") if isinstance(params, Params) else None
        if "allowed_updates" in params:
            self._allowed_updates = set(json.loads(params["allowed_updates"]))
        await self._stop_bringing()
        self._bringing = asyncio.create_task(self._bring())
        return True

    async def _delete_webhook(self, params: dict[str, str]) -> bool:
        self.webhook = {}
        self.webhook_certificate = None
        await self._stop_bringing()
        if params.get("drop_pending_updates", "false").lower() == "true":
            self.updates.clear()
        return True

    async def _get_webhook_info(self, _: dict[str, str]) -> Json:
        return {
            "url": self.webhook.get("url", ""),
            "has_custom_certificate": self.webhook_certificate is not None,
            "pending_update_count": len(self.updates),
            **({"allowed_updates": sorted(self._allowed_updates)} if self._allowed_updates else {}),
        }

    async def _stop_bringing(self) -> None:
        if self._bringing is not None:
            self._bringing.cancel()
            await asyncio.wait({self._bringing})

    async def _bring(self) -> None:
        """Bring one update after the other to the webhook, each until it is taken."""
        verify: ssl.SSLContext | bool = True
        if self.webhook_certificate is not None:
            verify = ssl.create_default_context(cadata=self.webhook_certificate.decode())
        headers = {"X-Telegram-Bot-Api-Secret-Token": self.webhook.get("secret_token", "")}
        async with ClientSession(timeout=ClientTimeout(total=5), headers=headers) as session:
            for n in itertools.count():
                async with self._changed:
                    await self._changed.wait_for(lambda: self.updates)
                update, backends = self.updates[0], self.backends or [self.webhook["url"]]
                try:
                    async with session.post(backends[n % len(backends)], json=update, ssl=verify) as response:
                        status: int | None = response.status
                except (ClientError, TimeoutError):
                    status = None
                self.brought.append((update["update_id"], status))
                if status == web.HTTPOk.status_code:
                    self.updates.remove(update)
                else:
                    await asyncio.sleep(0.05)
                await self._notify()

    async def _get_my_commands(self, params: dict[str, str]) -> list[Json]:
        return self.commands.get(_menu(params), [])

    async def _set_my_commands(self, params: dict[str, str]) -> bool:
        scope = json.loads(params.get("scope", "{}"))
        if "chat_id" in scope:
            self._chat({"chat_id": scope["chat_id"]})
        self.commands[_menu(params)] = json.loads(params["commands"])
        return True

    async def _delete_my_commands(self, params: dict[str, str]) -> bool:
        self.commands.pop(_menu(params), None)
        return True

    async def _send_message(self, params: dict[str, str]) -> Json:
        chat = self._chat(params)
        return self._sent(self._new_message(self.me, chat, **_content(params)), params)

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
        return self._edited(message, _content(params), params)

    async def _edit_message_reply_markup(self, params: dict[str, str]) -> Json:
        return self._edited(self._own_message(params, "edited"), {}, params)

    def _edited(self, message: Json, changes: Json, params: dict[str, str]) -> Json:
        """Change a message; its buttons go unless there are new ones."""
        if "reply_markup" in params:
            changes["reply_markup"] = _checked_keyboard(params["reply_markup"])
        replaced = {"reply_markup", "entities"} if "text" in changes else {"reply_markup"}
        after = {key: value for key, value in message.items() if key not in replaced} | changes
        if after == message:
            raise ApiError(400, "Bad Request: message is not modified")
        message.clear()
        message |= {**after, "edit_date": int(time.time())}
        return message

    async def _answer_callback_query(self, params: dict[str, str]) -> bool:
        query_id = params["callback_query_id"]
        if query_id not in self._pressed:
            raise ApiError(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
        self._pressed.remove(query_id)
        self.answered[query_id] = params.get("text", "")
        return True

    async def _answer_inline_query(self, params: dict[str, str]) -> bool:
        query_id, results = params["inline_query_id"], json.loads(params["results"])
        if query_id not in self._typed:
            raise ApiError(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
        self._typed.remove(query_id)
        for result in results:
            content = result["input_message_content"]
            result["shown"] = _content({"text": content["message_text"], "parse_mode": content.get("parse_mode", "")})
        self.inline_answers[query_id] = results
        return True

    async def _get_chat_member(self, params: dict[str, str]) -> Json:
        self._chat(params)
        user_id = int(params["user_id"])
        is_admin = user_id in self.anonymous_admins
        return _standing(person(user_id, "Somebody"), "administrator" if is_admin else "member")

    async def _delete_message(self, params: dict[str, str]) -> bool:
        message = self._own_message(params, "deleted")
        self.messages.remove(message)
        del self._history[message["chat"]["id"], message["message_id"]]
        return True

    async def _delete_messages(self, params: dict[str, str]) -> bool:
        for message_id in json.loads(params["message_ids"]):
            with suppress(ApiError):  # those that are gone are skipped
                await self._delete_message({**params, "message_id": message_id})
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


def _standing(user: Json, status: str) -> Json:
    """What Telegram tells of somebody's standing in a chat."""
    member: Json = {"status": status, "user": user}
    if status == "kicked":
        member["until_date"] = 0
    if status == "administrator":
        rights = (
            "can_be_edited is_anonymous can_manage_chat can_delete_messages can_manage_video_chats "
            "can_restrict_members can_promote_members can_change_info can_invite_users can_post_stories "
            "can_edit_stories can_delete_stories"
        )
        member |= dict.fromkeys(rights.split(), True)
    return member


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


def _content(params: dict[str, str]) -> Json:
    """The text of a message as it is shown, and what is marked in it."""
    text, entities = params.get("text", ""), json.loads(params.get("entities", "[]"))
    if params.get("parse_mode") == "HTML":
        try:
            text, entities = parse_html(text)
        except NotParsedError as error:
            raise ApiError(400, f"Bad Request: can't parse entities: {error}") from None
    if not text.strip():
        raise ApiError(400, "Bad Request: message text is empty")
    if utf16_length(text) > 4096:
        raise ApiError(400, "Bad Request: message is too long")
    n_before = utf16_length(text) - utf16_length(text.lstrip())
    shifted = [{**entity, "offset": max(entity["offset"] - n_before, 0)} for entity in entities]
    return {"text": text.strip(), **({"entities": shifted} if shifted else {})}


def _checked_keyboard(markup: str) -> Json:
    keyboard: Json = json.loads(markup)
    for row in keyboard["inline_keyboard"]:
        for button in row:
            if not button["text"].strip():
                raise ApiError(400, "Bad Request: text buttons are unallowed in the inline keyboard")
            if not 1 <= len(button["callback_data"].encode()) <= 64:
                raise ApiError(400, "Bad Request: BUTTON_DATA_INVALID")
    return keyboard
