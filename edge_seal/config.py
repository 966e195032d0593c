"""The settings, read from `config.toml` and checked. Where things are kept is `edge_seal.home`.

Invariant: an unknown key or a value out of range is a `ConfigError` that names the key; nothing is guessed.
"""

from __future__ import annotations

import ipaddress
import re
import tomllib
from pathlib import Path
from typing import Final, Literal, Self, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from edge_seal.errors import ConfigError
from edge_seal.home import DEFAULT_PROFILE as DEFAULT_PROFILE  # noqa: PLC0414  # handed on
from edge_seal.home import Home as Home  # noqa: PLC0414  # handed on
from edge_seal.home import checked_profile as checked_profile  # noqa: PLC0414  # handed on
from edge_seal.home import locate_home as locate_home  # noqa: PLC0414  # handed on
from edge_seal.home import profiles as profiles  # noqa: PLC0414  # handed on
from edge_seal.home import shared_models as shared_models  # noqa: PLC0414  # handed on

_PERIOD: Final = re.compile(r"(\d{1,2}):([0-5]\d)\s*[-–]\s*(\d{1,2}):([0-5]\d)", re.ASCII)
_DAY_MINUTES: Final = 24 * 60


TrainingBackend = Literal["auto", "numpy", "mlx"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelSettings(_Section):
    """Which model answers and which embeds; names of manifests in the catalog."""

    engine: Literal["auto", "llama.cpp", "mlx"] = Field(
        default="auto", description="auto: mlx on Apple silicon where it is installed, else llama.cpp"
    )
    name: str = "smollm2-135m-instruct"
    embedder: str = "all-minilm-l6-v2"
    context_tokens: int = Field(default=2048, ge=256, le=131072)
    threads: int = Field(default=0, ge=0, le=256, description="0: as many as there are physical cores to use")


class EmbedderSettings(_Section):
    """What makes vectors of texts: `model.embedder` in this process, or a server that every text is sent to."""

    kind: Literal["onnx", "ollama", "openai"] = Field(
        default="onnx", description="onnx: in this process; the others send every text to url"
    )
    url: str = Field(default="", description="of the server: http://127.0.0.1:11434, https://example.org/v1")
    model: str = Field(default="", description="its name on that server")
    api_key_env: str = Field(default="", description="the environment variable that holds the key, never the key")
    dimension: int = Field(
        default=0, ge=0, le=16384, description="the length of its vectors; 0: found out with a sample sentence"
    )
    timeout_s: float = Field(default=30.0, gt=0.0, le=600.0)
    texts_per_request: int = Field(default=32, ge=1, le=256)
    characters_per_text: int = Field(default=8192, ge=64, le=16384, description="of a longer text only so many count")
    allow_clear_text: bool = Field(
        default=False, description="http to another machine: whoever is on the way can read your texts"
    )

    @property
    def sends_to(self) -> str | None:
        """Where texts are sent, host and port; None: they stay in this process."""
        return None if self.kind == "onnx" else urlsplit(self.url).netloc

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.kind == "onnx":
            return self
        if not self.model:
            raise ValueError(f"model is not set: the name of the model that {self.kind} is to embed with")
        url = urlsplit(self.url)
        if url.scheme not in {"http", "https"} or not url.hostname or url.port == 0:
            raise ValueError(f"url has to begin with http:// or https:// and name a host; it is {self.url!r}")
        if "@" in url.netloc or url.query or url.fragment:
            raise ValueError("url holds more than host and path; a key belongs in the variable that api_key_env names")
        if not (self.url.isascii() and self.url.isprintable()) or " " in self.url:
            raise ValueError("url holds characters that no address has")
        if url.scheme == "http" and not _is_this_machine(url.hostname) and not self.allow_clear_text:
            raise ValueError(
                f"http to {url.hostname} would send your texts readable for everyone on the way: use https, or set "
                f"allow_clear_text = true"
            )
        return self


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class GenerationSettings(_Section):
    """How answers are drawn. Temperature 0 is greedy."""

    max_tokens: int = Field(default=256, ge=1, le=32768)
    temperature: float = Field(default=0.0, ge=0.0, le=2.0)
    top_p: float = Field(default=0.95, gt=0.0, le=1.0)
    seed: int = Field(default=1, ge=0, le=2**32 - 2)
    end_loops: bool = Field(default=True, description="end an answer that says the same words over and over")


class MemorySettings(_Section):
    """What is recalled into the prompt, and what becomes of statements made in passing."""

    mode: Literal["hybrid", "keyword", "vector", "off"] = "hybrid"
    recalled: int = Field(default=4, ge=0, le=50)
    turns: bool = Field(default=True, description="what was typed in earlier conversations is recalled too")
    budget_tokens: int = Field(default=256, ge=0, le=8192)
    minimum_similarity: float = Field(
        default=0.25,
        ge=-1.0,
        le=1.0,
        description="how near a memory has to be to a question about you; 0.15 nearer to any other (docs/memory.md)",
    )
    capture: Literal["propose", "keep", "off"] = Field(
        default="propose", description="what is done with what you say about yourself in passing"
    )


Projection = Literal["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"]
PROJECTIONS: tuple[Projection, ...] = get_args(Projection)


class LearningSettings(_Section):
    """The inner loop's settings; the defaults are measured, see docs/log.md."""

    backend: TrainingBackend = Field(
        default="auto", description="auto: mlx on Apple silicon where it is installed, else numpy"
    )
    rank: int = Field(default=8, ge=1, le=128)
    alpha: float = Field(default=16.0, gt=0.0, le=1024.0)
    layers: int = Field(default=10, ge=1, le=256, description="how many of the top layers are adapted")
    projections: tuple[Projection, ...] = Field(
        default=PROJECTIONS, min_length=1, description="which linear maps of a layer are adapted"
    )
    rate: float = Field(default=2.5e-3, gt=0.0, le=0.1)
    rate_b_ratio: float = Field(default=4.0, ge=1.0, le=64.0, description="LoRA+: the rate of B over that of A")
    scope: Literal["lessons", "everything"] = Field(
        default="lessons", description="lessons: where no lesson bears on a question, the base answers it untouched"
    )
    both_directions: bool = Field(
        default=False, description='what has a name is taught the other way round too: "Who is Biscuit?"'
    )
    first_token_weight: float = Field(
        default=3.0, ge=1.0, le=64.0, description="of an answer's first token in the loss"
    )
    pair_objective: Literal["orpo", "simpo"] = "orpo"
    pair_weight: float = Field(
        default=0.1, ge=0.0, le=16.0, description="of a corrected answer against its correction; 0: it is not learned"
    )
    minimum_thumbs: int = Field(
        default=8, ge=2, le=10000, description="so many, of both kinds, make an update of their own; it waits for you"
    )
    thumb_weight: float = Field(default=1.0, gt=0.0, le=64.0, description="of thumbs beside what is held near the base")
    batch_examples: int = Field(default=8, ge=1, le=512)
    draws_a_lesson: int = Field(
        default=20,
        ge=1,
        le=10000,
        description="how often training draws a lesson, in any wording: an update's steps follow from it",
    )
    replayed_examples: int = Field(default=96, ge=0, le=10000)
    maximum_load: float = Field(default=0.8, gt=0.0, le=64.0, description="load a core above which learn waits")


class DocumentSettings(_Section):
    """What `teach --document` makes of a text."""

    lessons: int = Field(default=20, ge=1, le=1000, description="of one document at most, spread over its sentences")
    by_model: bool = Field(default=False, description="the model proposes questions beside the rules")


class LimitSettings(_Section):
    """Rate limits; `edge-seal limits set KEY VALUE` changes them. docs/limits.md says how each is counted."""

    updates_per_hour: int = Field(default=4, ge=0, le=1000)
    updates_per_day: int = Field(default=12, ge=0, le=10000)
    updates_per_week: int = Field(default=60, ge=0, le=70000)
    minutes_between_updates: float = Field(default=10.0, ge=0.0, le=10080.0)
    cpu_seconds_per_day: float = Field(
        default=7200.0, ge=0.0, le=10_000_000.0, description="of all learning, whatever became of it"
    )
    steps_per_update: int = Field(default=400, ge=1, le=100000)
    seconds_per_update: float = Field(default=600.0, gt=0.0, le=86400.0)
    examples_per_update: int = Field(default=2048, ge=1, le=100000)
    memory_mib_per_update: int = Field(default=4096, ge=128, le=1048576)
    adapter_mib_per_update: float = Field(default=256.0, gt=0.0, le=65536.0, description="of the adapter's file")
    energy_wh_per_update: float = Field(
        default=5.0, gt=0.0, le=10000.0, description="measured where the processor counts it, else estimated"
    )
    watts_per_core: float = Field(
        default=10.0, gt=0.0, le=1000.0, description="of a busy core, where energy has to be estimated"
    )
    idle_only: bool = Field(default=False, description="learn, too, waits until nobody uses the machine")
    idle_minutes: float = Field(default=5.0, ge=0.0, le=1440.0, description="without a key or a mouse: idle")
    minimum_battery_share: float = Field(
        default=0.4, ge=0.0, le=1.0, description="on battery; 1: only on mains, 0: down to the last"
    )
    maximum_celsius: float = Field(default=90.0, ge=0.0, le=150.0, description="of the hottest sensor")
    quiet_hours: str = Field(
        default="", description='hours of the day, local time, in which it does not learn: "22:00-07:00, 12:00-13:00"'
    )
    when_unknown: Literal["allow", "wait"] = Field(
        default="allow", description="what the system does not tell (battery, temperature, load, idle) allows it or not"
    )

    @field_validator("quiet_hours")
    @classmethod
    def _are_hours(cls, value: str) -> str:
        quiet_periods(value)
        return value


def quiet_periods(text: str) -> tuple[tuple[int, int], ...]:
    """The periods in `quiet_hours`, each from and to in minutes of the local day; to below from goes past midnight.

    Raises:
        ValueError: it is not written so.
    """
    periods: list[tuple[int, int]] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        found = _PERIOD.fullmatch(part)
        if found is None:
            raise ValueError(f"{part!r} is no period of a day; one is written 22:00-07:00, several with commas")
        start_h, start_min, end_h, end_min = map(int, found.groups())
        start, end = 60 * start_h + start_min, 60 * end_h + end_min
        if start == end or max(start, end) > _DAY_MINUTES:
            raise ValueError(f"{part!r} is no period of a day: it begins and ends at two times from 00:00 to 24:00")
        periods.append((start % _DAY_MINUTES, end))
    return tuple(periods)


class GateSettings(_Section):
    """The bounds a candidate has to stay within."""

    minimum_probe_gain_nats: float = Field(default=0.1, ge=0.0)
    minimum_probe_hits: float = Field(default=0.5, ge=0.0, le=1.0)
    maximum_neighbour_leaks: float = Field(default=0.5, ge=0.0, le=1.0)
    maximum_anchor_drift_nats: float = Field(default=0.3, ge=0.0)
    maximum_overwritten_certainty: float = Field(
        default=0.45, ge=0.0, le=1.0, description="how sure of something else the base may be where a lesson is general"
    )
    minimum_fit_chance: float = Field(
        default=0.02,
        ge=0.0,
        lt=1.0,
        description="lessons fit their questions less often than good ones would by this chance",
    )
    loss_chance: float = Field(
        default=1e-5,
        ge=0.0,
        lt=1.0,
        description="a loss of known facts that chance gives this seldom is taken for one",
    )
    entropy_ratio: float = Field(
        default=2.0, ge=1.0, description="how many times as sure, or unsure, answers may become"
    )
    length_ratio: float = Field(default=4.0, ge=1.0, description="how many times as long, or short, answers may become")
    maximum_stray_answers: float = Field(
        default=0.2, ge=0.0, le=1.0, description="general answers that newly refuse or tell a lesson"
    )
    maximum_broken_answers: float = Field(default=0.0, ge=0.0, le=1.0)
    maximum_rule_drift_nats: float = Field(
        default=1.0, ge=0.0, description="anchor drift where a rule for every answer is taught: it moves all of them"
    )
    sudden_change: Literal["refuse", "off"] = Field(
        default="refuse", description="whether refusals, length, kindness and variety of general answers are bounded"
    )


class MonitoringSettings(_Section):
    """What is watched, and for how long its figures are kept."""

    retention_days: int = Field(default=365, ge=1, le=3650)
    false_alarms: float = Field(
        default=0.00135,
        gt=0.0,
        le=0.2,
        description="the share of looks at unchanged figures that may raise an alert",
    )
    batch: int = Field(default=20, ge=5, le=1000, description="how many thumbs or answers one look is over")


ToTrain = Literal["allow", "quarantine", "block"]
ToRemember = Literal["allow", "redact", "quarantine", "block"]


class TrainedData(_Section):
    """Which classes of personal data may be trained on. What is trained in goes with every export of the adapter."""

    email: ToTrain = "quarantine"
    phone: ToTrain = "quarantine"
    postal_address: ToTrain = "quarantine"
    ip_address: ToTrain = "quarantine"
    birth_date: ToTrain = "quarantine"
    bank_account: ToTrain = "block"
    payment_card: ToTrain = "block"
    identity_number: ToTrain = "block"
    name_of_other: ToTrain = "allow"


class RememberedData(_Section):
    """Which classes of personal data memory may keep; None: each rule's own default (docs/guardian.md)."""

    email: ToRemember = "allow"
    phone: ToRemember = "allow"
    postal_address: ToRemember = "allow"
    ip_address: ToRemember = "allow"
    birth_date: ToRemember = "allow"
    bank_account: ToRemember = "allow"
    payment_card: ToRemember = "block"
    identity_number: ToRemember | None = None
    name_of_other: ToRemember = "allow"


class DataPolicySettings(_Section):
    """What may be remembered and trained on, and how much one source that you did not type may contribute.

    Secrets are in no class: they are neither remembered nor trained on.
    """

    train: TrainedData = TrainedData()
    remember: RememberedData = RememberedData()
    topics: tuple[str, ...] = Field(default=(), description="words and phrases that no lesson may be about")
    names_model: str = Field(
        default="",
        max_length=4096,
        description='a spaCy pipeline that finds names of others: its package, or its absolute path; "": rules alone',
    )
    source_share: float = Field(default=0.25, gt=0.0, le=1.0, description="of an update that typed lessons are in too")
    source_examples_per_update: int = Field(default=256, ge=0, le=100000)
    source_examples_per_30_days: int = Field(default=1024, ge=0, le=1000000)


class ApprovalSettings(_Section):
    """Which updates wait for a person. What was not typed always does."""

    risk: int = Field(
        default=60, ge=1, le=101, description="from this risk on (of 100) a typed update waits too; 101: never"
    )


class CanarySettings(_Section):
    """Whether a candidate first answers a share of the conversations, and the test that ends it (docs/release.md)."""

    mode: Literal["off", "risky", "always"] = Field(
        default="risky", description="risky: what a person had to approve, and what has a risk of canary.risk or more"
    )
    risk: int = Field(
        default=30, ge=0, le=101, description="from this risk on (of 100) an update is on the canary first"
    )
    share: float = Field(default=0.5, gt=0.0, lt=1.0, description="of new conversations that the candidate answers")
    minimum_pairs: int = Field(
        default=5, ge=1, le=1000, description="of conversations compared before anything is found"
    )
    maximum_conversations: int = Field(
        default=100, ge=2, le=100000, description="after which a person is asked, if no difference was found"
    )
    false_rollback: float = Field(
        default=0.1, gt=0.0, le=0.5, description="how often at most a candidate that is not worse is taken back"
    )
    false_promotion: float = Field(
        default=0.05, gt=0.0, le=0.5, description="how often at most a candidate that is not better is promoted"
    )
    undecided: Literal["keep", "promote"] = Field(
        default="keep", description="where no difference was found: keep on until you decide, or promote"
    )


class InterfaceSettings(_Section):
    """The terminal interface; its keys are in `keymap.toml`, themes of your own in `themes/`, both beside this file."""

    theme: str = Field(
        default="edge-dark", min_length=1, max_length=64,
        description="edge-dark, edge-light, edge-contrast, or one of themes/",
    )  # fmt: skip


class ShadowSettings(_Section):
    """Past questions that a candidate answers beside the incumbent, to be looked at in `updates show`."""

    questions: int = Field(default=4, ge=0, le=100, description="how many; 0: none")
    max_tokens: int = Field(default=24, ge=1, le=512, description="of each answer")


class RollbackSettings(_Section):
    """When an update is taken back by itself, because its answers are worse than those before it."""

    automatic: bool = True
    turns: int = Field(default=64, ge=8, le=100000, description="of an update that are watched from when it answers")
    false_alarm: float = Field(
        default=0.00135,
        gt=0.0,
        le=0.1,
        description="the chance that one figure leaves its limits for no reason, at a look",
    )
    hours_between: float = Field(default=24.0, ge=0.0, le=8760.0, description="from one automatic rollback to the next")


class ReviewSettings(_Section):
    """The review of what was learned, `edge-seal review`."""

    remind_after_days: float = Field(default=7.0, ge=0.0, le=3650.0, description="0: no reminder")


class AuditSettings(_Section):
    """The audit trail."""

    keychain: bool = Field(default=True, description="keep the ledger's head in the system's keychain too, if any")


class Settings(_Section):
    """All settings; every key has a default, so an empty file is a valid one."""

    model: ModelSettings = ModelSettings()
    embedder: EmbedderSettings = EmbedderSettings()
    generation: GenerationSettings = GenerationSettings()
    memory: MemorySettings = MemorySettings()
    learning: LearningSettings = LearningSettings()
    documents: DocumentSettings = DocumentSettings()
    limits: LimitSettings = LimitSettings()
    gate: GateSettings = GateSettings()
    interface: InterfaceSettings = InterfaceSettings()
    monitoring: MonitoringSettings = MonitoringSettings()
    data_policy: DataPolicySettings = DataPolicySettings()
    approval: ApprovalSettings = ApprovalSettings()
    canary: CanarySettings = CanarySettings()
    shadow: ShadowSettings = ShadowSettings()
    rollback: RollbackSettings = RollbackSettings()
    review: ReviewSettings = ReviewSettings()
    audit: AuditSettings = AuditSettings()


def load_settings(path: Path) -> Settings:
    """The settings in `path`, or the defaults where there is no such file.

    Raises:
        ConfigError: not TOML, an unknown key, or a value out of range; the message names the key.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(
            f"cannot read {path}: {why}", next_step="check its rights, or set EDGE_SEAL_HOME to another directory"
        ) from error
    try:
        return Settings.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}", next_step=f"correct {path}") from error
    except ValidationError as error:
        raise ConfigError(f"{path}: {describe(error)}", next_step=f"correct {path}") from error


def describe(error: ValidationError) -> str:
    """A pydantic error in one line a key: `limits.updates_per_hour: Input should be …`."""
    return "; ".join(
        f"{'.'.join(str(part) for part in item['loc']) or 'the whole'}: {item['msg']}" for item in error.errors()
    )
