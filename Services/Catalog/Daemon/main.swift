import Catalog
import CrashList
import MartletEventLogClient
import MartletHost
import MartletSQLite

await Daemon.run(
    CatalogService.self,
    program: "catalogd",
    crashPoints: CrashPointNames.all,
    database: { place in try SQLiteDatabase(path: place.databasePath, time: place.time) },
    bus: { place in
        RemoteEventLog(over: place.channel(to: "eventlog"), service: place.service, time: place.time)
    }
)
