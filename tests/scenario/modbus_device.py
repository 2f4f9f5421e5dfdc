"""Modbus devices by pymodbus (Debian's python3-pymodbus): modbus_device.py PORT UNIT…

Commands come as lines of JSON: ["set", UNIT, TABLE, ADDRESS, [VALUES]] with the table "c", "d", "h" or "i" is answered
with "done", ["get", UNIT, TABLE, ADDRESS, COUNT] with a list. Each table has the addresses from 0 to 199. "ready" is
printed once the server runs."""
import json
import sys
import threading

from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
from pymodbus.server import StartTcpServer

FUNCTIONS = {"c": 1, "d": 2, "h": 3, "i": 4}


def blocks():
    return {name: ModbusSequentialDataBlock(0, [0] * 200) for name in ("di", "co", "hr", "ir")}


port, units = int(sys.argv[1]), [int(unit) for unit in sys.argv[2:]]
context = ModbusServerContext(slaves={unit: ModbusSlaveContext(**blocks(), zero_mode=True) for unit in units}, single=False)


def obey():
    for line in sys.stdin:
        verb, unit, table, address, what = json.loads(line)
        if verb == "set":
            context[unit].setValues(FUNCTIONS[table], address, what)
            print('"done"', flush=True)
        else:
            print(json.dumps([int(value) for value in context[unit].getValues(FUNCTIONS[table], address, what)]), flush=True)


threading.Thread(target=obey, daemon=True).start()
StartTcpServer(context=context, address=("127.0.0.1", port), allow_reuse_address=True)
