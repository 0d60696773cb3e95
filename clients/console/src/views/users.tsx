// The directory: the account's users, and what reports find them by.
import { useState } from "preact/hooks";
import type { User } from "../contract/leadline/v1/directory_pb.ts";
import { usePage, useRead, useWork } from "../context.ts";
import { Field, Trouble } from "../parts.tsx";
import { directory, WAIT } from "../server.ts";
import { t } from "../words.ts";

const LISTS = ["extensions", "phoneNumbers", "emails"] as const;

interface Draft {
  readonly userId: string;
  readonly name: string;
  readonly extensions: string;
  readonly phoneNumbers: string;
  readonly emails: string;
  readonly crmUserId: string;
  readonly isActive: boolean;
}

const split = (text: string): string[] => text.split(/[,;\n]/).map((one) => one.trim()).filter(Boolean);

const draftOf = (user?: User): Draft => ({
  userId: user?.userId ?? "",
  name: user?.name ?? "",
  extensions: user?.extensions.join(", ") ?? "",
  phoneNumbers: user?.phoneNumbers.join(", ") ?? "",
  emails: user?.emails.join(", ") ?? "",
  crmUserId: user?.crmUserId ?? "",
  isActive: user?.isActive ?? true,
});

async function everybody(accountId: string): Promise<User[]> {
  const users: User[] = [];
  let pageToken = "";
  do {
    const page = await directory.listUsers({ accountId, pageSize: 1000, pageToken }, WAIT);
    users.push(...page.users);
    pageToken = page.nextPageToken;
  } while (pageToken);
  return users;
}

export function Users() {
  const { identity, may } = usePage();
  const [edited, setEdited] = useState<User | "new" | null>(null);
  const read = useRead(() => everybody(identity.accountId), [identity]);
  const close = (isChanged: boolean) => {
    setEdited(null);
    if (isChanged) read.reload();
  };
  return (
    <>
      <h1>{t("nav.users")}</h1>
      <Trouble problem={read.problem} onRetry={read.reload} />
      {edited ? (
        <UserForm key={edited === "new" ? "" : edited.userId} user={edited === "new" ? undefined : edited} onClose={close} />
      ) : (
        may("UpsertUser") && (
          <button type="button" class="main" onClick={() => setEdited("new")}>
            {t("users.add")}
          </button>
        )
      )}
      {read.answer?.length === 0 && <p class="empty">{t("users.empty")}</p>}
      {read.answer && read.answer.length > 0 && <UserTable users={read.answer} onEdit={may("UpsertUser") ? setEdited : undefined} />}
    </>
  );
}

function UserTable({ users, onEdit }: { users: readonly User[]; onEdit: ((user: User) => void) | undefined }) {
  const columns = [t("user"), t("name"), t("users.extensions"), t("users.phoneNumbers"), t("users.emails"), ...(onEdit ? [t("edit")] : [])];
  return (
    <div class="scroll" tabIndex={0}>
      <table>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {users.map((user) => (
            <tr key={user.userId} class={user.isActive ? undefined : "inactive"}>
              <th scope="row">{user.userId}</th>
              <td>
                <bdi>{user.name}</bdi>
                {!user.isActive && <span class="badge">{t("users.inactive")}</span>}
              </td>
              {LISTS.map((list) => (
                <td key={list}>{user[list].join(", ")}</td>
              ))}
              {onEdit && (
                <td>
                  <button type="button" onClick={() => onEdit(user)}>
                    {t("edit")}
                    <span class="unseen"> {user.userId}</span>
                  </button>
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function UserForm({ user, onClose }: { user: User | undefined; onClose: (isChanged: boolean) => void }) {
  const { identity, say } = usePage();
  const [draft, setDraft] = useState<Draft>(draftOf(user));
  const work = useWork();
  const { accountId } = identity;
  const set = (field: keyof Draft) => (value: string) => setDraft({ ...draft, [field]: value });
  const save = () =>
    work.run(async () => {
      const [extensions, phoneNumbers, emails] = [draft.extensions, draft.phoneNumbers, draft.emails].map(split);
      await directory.upsertUser({ accountId, user: { ...draft, extensions, phoneNumbers, emails } }, WAIT);
      say(t("saved"));
      onClose(true);
    });
  const remove = () =>
    work.run(async () => {
      await directory.deleteUser({ accountId, userId: draft.userId }, WAIT);
      say(t("users.deleted", { user: draft.userId }));
      onClose(true);
    });
  return (
    <form class="confirm" onSubmit={(event) => (event.preventDefault(), void save())}>
      <Field label={t("user")} value={draft.userId} onChange={set("userId")} required disabled={!!user} longest={128} />
      <Field label={t("name")} value={draft.name} onChange={set("name")} longest={256} />
      {LISTS.map((list) => (
        <Field key={list} label={t(`users.${list}`)} hint={t("with_commas")} value={draft[list]} onChange={set(list)} />
      ))}
      <Field label={t("users.crm_user_id")} value={draft.crmUserId} onChange={set("crmUserId")} longest={128} />
      <label>
        <input type="checkbox" checked={draft.isActive} onChange={() => setDraft({ ...draft, isActive: !draft.isActive })} />
        {t("users.active")}
      </label>
      <Trouble problem={work.problem} />
      <button type="submit" class="main" disabled={work.isBusy || !draft.userId.trim()}>
        {t("save")}
      </button>
      <button type="button" onClick={() => onClose(false)}>
        {t("cancel")}
      </button>
      {user && (
        <button type="button" class="danger" disabled={work.isBusy} onClick={() => void remove()}>
          {t("users.delete")}
        </button>
      )}
    </form>
  );
}
