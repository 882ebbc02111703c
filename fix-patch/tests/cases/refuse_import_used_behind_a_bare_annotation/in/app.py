from datetime import date


class Order:
    date: str
    made: date
