import Carts
import MartletEventLogClient
import MartletHost
import MartletSQLite

await Daemon.run(
    CartsService.self,
    database: { place in try SQLiteDatabase(path: place.databasePath, time: place.time) },
    bus: { place in
        RemoteEventLog(over: place.channel(to: "eventlog"), service: place.service, time: place.time)
    }
)
