import CrashList
import MartletEventLogClient
import MartletHost
import MartletSQLite
import Payments

await Daemon.run(
    PaymentsService.self,
    program: "paymentsd",
    crashPoints: CrashPointNames.all,
    database: { context in try SQLiteDatabase(path: context.databasePath, time: context.time) },
    bus: { context in
        RemoteEventLog(over: context.channel(to: "eventlog"), service: context.service, time: context.time)
    }
)
