# ruff: noqa: RUF001  (text in many scripts is the point of this file)
"""What people and machines write: the words that generated records are made of."""

from __future__ import annotations

import random
import zlib

NAMES = (
    "Ana Souza",
    "Björn Åkesson",
    "Chidi Okafor",
    "Dvořák, Eva",
    "Elif Yılmaz",
    "François Lefèvre",
    "Giulia D'Angelo",
    "Hye-jin Park",
    "Íñigo Ruiz",
    "José Peña",
    "Katarzyna Wójcik",
    'Liam "Lee" O\'Brien',
    "Mía Núñez",
    "Nguyễn Thị Hà",
    "Oleksandr Бондар",
    "Priya Raman",
    "山田 太郎",
    "王小明",
    "김민준",
    "Σοφία Παππά",
)
SHOPS = ("Café Nørre", "Bottega Verde & Figli", "Lumen Optik", "Harbor Pharmacy", "東京書店", "Kite Bank", "Óptica Sol")
CITIES = ("Bogotá", "Milano", "Zürich", "São Paulo", "Łódź", "大阪", "Medellín", "Athens", "Kraków", "Osaka")
_VOCABULARY = (
    "account address agenda amount answer appointment assistant attached balance before booking branch call cancel "
    "card change charge check claim clinic close code complete confirm contact contract copy courier customer date "
    "delay delivery deposit desk details document doctor door due email evening exchange extra fee file first form "
    "friday gate gift guest help hour insurance invoice issue item label last later letter limit line link list "
    "manager medicine meeting message minutes monday morning name new next note notice number offer office open "
    "option order package page parcel password payment phone pick please points policy portal price profile quote "
    "ready reason receipt refill refund reminder reply request reservation result return review room route schedule "
    "seat security service session ship shop signature size slot soon start statement status stop store street "
    "support table team ticket time today tomorrow total track transfer travel update urgent valid visit voucher "
    "wait week window work"
)
WORDS = tuple(sorted(_VOCABULARY.split(), key=lambda word: zlib.crc32(word.encode())))
TEMPLATES = (
    "Hi {name}, your order #{number} from {shop} has shipped! 📦 Track it: https://trk.example/{code}",
    "{code} is your verification code. It expires in 10 minutes. Never share it, not even with {shop} staff.",
    'Dear {name},\nyour appointment at "{shop}" is on {day} at {hour}.\nReply 1 to confirm, 2 to reschedule.\n{words}',
    "Gentile {name}, il pagamento di € {amount} è stato ricevuto. Grazie, {shop}! ✅ {words}",
    "Hola {name} 👋 tu pedido ya está en camino a {city}. ¿Dudas? Responde a este mensaje. {words}",
    "{name}様、ご予約（{day} {hour}）を承りました。変更は {shop} までご連絡ください。番号：{number}",
    "您好，您的订单 {number} 已发货，预计明天送达{city}。感谢您的支持！🎉 {words}",
    "안녕하세요 {name}님, {shop} 결제 {amount}원이 완료되었습니다. {words}",
    "Votre colis n° {number} est arrivé au point relais de {city} — code « {code} ». {words}",
    'System note: payload was {{"id":"{code}","items":[{{"sku":"{number}"}}]}} and parsed fine. {words}',
    'Path C:\\orders\\{number}\\label.pdf could not be printed; tabs\tand \\"quotes\\" are kept. {words}',
    "Σας υπενθυμίζουμε το ραντεβού σας στις {hour} ({day}). {shop}",
    "{words}. {words}.\n\nBest,\n{name}\n{shop} • {city}",
    "🔔 {shop}: balance {amount}, due {day}. [Pay now](https://pay.example/{code}) [Later] {words}",
    "Paciente {name}: sus resultados están listos 🩺. Ingrese al portal con el código {code}. {words}",
    "مرحباً {name}، تم تأكيد حجزك رقم {number} في {city}. {words}",
)


def write_text(random_bytes: random.Random, *, words: int = 11) -> str:
    """Return one message of `words` filler words at most, in one of many languages."""
    return random_bytes.choice(TEMPLATES).format(
        name=random_bytes.choice(NAMES),
        shop=random_bytes.choice(SHOPS),
        city=random_bytes.choice(CITIES),
        number=random_bytes.randrange(10**5, 10**8),
        code=f"{random_bytes.randrange(16**6):06X}",
        amount=f"{random_bytes.randrange(100, 90_000) / 100:.2f}",
        day=f"{random_bytes.choice(('Mon', 'Tue', 'Wed', 'Thu', 'Fri'))} {random_bytes.randrange(1, 29)}",
        hour=f"{random_bytes.randrange(8, 20):02d}:{random_bytes.choice(('00', '15', '30', '45'))}",
        words=write_words(random_bytes, words),
    )


def write_words(random_bytes: random.Random, most: int) -> str:
    """Return up to `most` filler words; a few words are far more common than the rest, as in real text."""
    count = random_bytes.randrange(most // 2, most + 1)
    return " ".join(WORDS[min(len(WORDS) - 1, int(random_bytes.paretovariate(0.6)) - 1)] for _ in range(count))


def write_phone(random_bytes: random.Random) -> str:
    """Return a number in E.164 form."""
    country = random_bytes.choice(("+1415555", "+39333", "+57300", "+81901", "+4479"))
    return country + "".join(random_bytes.choices("0123456789", k=12 - len(country)))


FORMULAS = (
    '=HYPERLINK("https://trk.example/{code}";"{name}")',
    "=1+{number}",
    "+{number} (refused)",
    "-{number}: no route",
    "@SUM(A1:A{number})",
    "=cmd|' /C calc'!A0",
)
"""What a spreadsheet would take for a formula."""


def write_formula(random_bytes: random.Random) -> str:
    """Return a text that a spreadsheet would calculate."""
    return random_bytes.choice(FORMULAS).format(
        name=random_bytes.choice(NAMES),
        number=random_bytes.randrange(1, 10**6),
        code=f"{random_bytes.randrange(16**6):06X}",
    )
