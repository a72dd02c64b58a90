"""How IconTail is made: one module a step, run in order by ``data.build_icontail``."""
