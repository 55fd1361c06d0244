import Foundation
import MartletCore
import MartletMessaging
import MartletOutbox
import MartletWorkflows

extension ParkedKeyRecord {
    init(_ key: ParkedKey) {
        self.init()
        group = key.group
        topic = key.topic
        self.key = key.key
        count = Int32(clamping: key.count)
        redriving = key.isRedriving
    }
}

extension ParkedMessageRecord {
    init(_ message: ParkedMessage, withBody: Bool) {
        self.init()
        id = message.event.id
        group = message.group
        topic = message.event.topic
        key = message.event.key
        source = message.event.source
        epoch = Int64(message.event.epoch)
        sequence = message.event.sequence
        error = message.error
        attempts = Int32(clamping: message.attempts)
        publishedAt = message.event.time.microseconds
        parkedAt = message.parkedAt.microseconds
        if withBody { body = Data(message.event.body) }
    }
}

extension GapRecord {
    init(_ gap: Gap) {
        self.init()
        group = gap.name.group
        topic = gap.name.topic
        key = gap.name.key
        source = gap.name.source
        epoch = Int64(gap.epoch)
        firstSequence = gap.first
        lastSequence = gap.last
        state = gap.state.rawValue
        since = gap.since.microseconds
    }
}

extension LateMessageRecord {
    init(_ message: LateMessage, withBody: Bool) {
        self.init()
        id = message.event.id
        group = message.group
        topic = message.event.topic
        key = message.event.key
        source = message.event.source
        epoch = Int64(message.event.epoch)
        sequence = message.event.sequence
        state = message.isRedriving ? "redriving" : "late"
        error = message.error
        attempts = Int32(clamping: message.attempts)
        publishedAt = message.event.time.microseconds
        receivedAt = message.receivedAt.microseconds
        if withBody { body = Data(message.event.body) }
    }
}

extension GroupLossRecord {
    init(_ stored: InboxLoss) {
        self.init()
        id = stored.id
        group = stored.group
        topic = stored.topic
        partition = Int32(clamping: stored.loss.partition)
        first = stored.loss.offsets.lowerBound
        last = stored.loss.offsets.upperBound
        events = Int64(stored.loss.events)
        reason = stored.loss.reason
        firstStoredAt = stored.loss.storedAt.lowerBound.microseconds
        lastStoredAt = stored.loss.storedAt.upperBound.microseconds
        bookedAt = stored.loss.removedAt.microseconds
        confirmedAt = stored.confirmedAt?.microseconds ?? 0
        confirmedBy = stored.confirmedBy ?? ""
    }
}

extension ResendRecord {
    init(_ resend: Resend) {
        self.init()
        number = resend.number
        since = resend.selection.since.microseconds
        topic = resend.selection.topic
        key = resend.selection.key
        rate = UInt32(clamping: resend.selection.rate)
        state = resend.state.rawValue
        events = Int64(resend.events)
        startedAt = resend.startedAt.microseconds
        changedAt = resend.changedAt.microseconds
    }
}

extension WorkflowRecord {
    init(_ run: WorkflowRun) {
        self.init()
        id = run.id
        workflow = run.workflow
        version = Int32(clamping: run.version)
        state = run.state.rawValue
        running = run.isRunning
        waitingFor = run.waitingFor ?? ""
        wakeAt = run.wakeAt?.microseconds ?? 0
        attempts = Int32(clamping: run.attempts)
        forced = run.isForced
        input = run.input
        output = run.output ?? ""
        error = run.error ?? ""
        principal = run.principal
        traceparent = run.traceparent ?? ""
        createdAt = run.createdAt.microseconds
        updatedAt = run.updatedAt.microseconds
    }
}

extension WorkflowStepRecord {
    init(_ entry: JournalEntry) {
        self.init()
        number = Int32(clamping: entry.seq)
        step = entry.step
        kind = entry.kind.rawValue
        state = entry.state.rawValue
        result = entry.result ?? ""
        at = entry.at.microseconds
    }
}

extension WorkflowSignalRecord {
    init(_ signal: WorkflowSignal) {
        self.init()
        number = Int32(clamping: signal.seq)
        name = signal.name
        consumedBy = signal.consumedBy.map { Int32(clamping: $0) } ?? -1
        at = signal.at.microseconds
    }
}
