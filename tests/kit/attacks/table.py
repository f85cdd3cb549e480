"""Every attack that is tried: who can write what, by which way, what is done, and which programs find it.

A program that is named exits with 1, or with the code that stands behind it; every other one of those that are always
run exits with 0. Where nothing finds it, or only what does not judge, the last column says why that is no harm.
"""

from __future__ import annotations

TABLE = """
catalogue | statement | a hold is deleted | audit:row recover doctor
catalogue | statement | a hold is released | audit:row recover doctor
catalogue | statement | a hold is on another time | audit:row recover doctor
catalogue | statement | a hold is invented | audit:row recover doctor
catalogue | statement | a period is cut | audit:row recover
catalogue | statement | a rule cannot be read | audit:unread recover
catalogue | statement | a class is made shorter | audit:row recover
catalogue | statement | what a hold took off a plan is approved again | audit:row recover
catalogue | statement | an approval is invented | audit:row recover
catalogue | statement | a plan stands as approved | audit:row recover
catalogue | statement | a plan takes one person | audit:row recover
catalogue | statement | an archive is put on another's plan | audit:row recover destroy
catalogue | statement | a manifest's row is another text | audit:row verify recover scrub
catalogue | statement | a manifest's row cannot be read | audit:row verify recover scrub
catalogue | statement | a manifest's row is another archive's | audit:row verify recover scrub
catalogue | statement | an archive is of another stream | audit:row recover
catalogue | statement | an archive's key digest is changed | audit:row verify recover scrub
catalogue | statement | an archive's row is deleted | audit:row verify recover scrub
catalogue | statement | a tombstone is invented | audit:row recover destroy
catalogue | statement | a destruction is said to have begun | audit:row recover destroy=4
catalogue | statement | a tombstone's row is deleted | audit:row recover
catalogue | statement | a destruction of before the first entry | audit:row recover destroy
catalogue | statement | a destruction after the last entry | audit:row recover doctor scrub=4 destroy=4
catalogue | statement | an entry is entered twice | audit:row recover doctor scrub=4 destroy=4
catalogue | statement | an entry is of another kind | audit:row verify recover scrub destroy
catalogue | statement | an entry's line is changed | audit:row recover doctor scrub
catalogue | statement | an entry's line lacks its fields | audit:row recover doctor scrub
catalogue | statement | an entry is deleted | audit:row recover doctor scrub
catalogue | statement | the newest entry is deleted | audit:row recover doctor scrub=4 destroy=4
catalogue | statement | all entries are deleted | audit:row verify recover doctor scrub=4 destroy=4
catalogue | statement | a checkpoint's row is deleted | - | its file and the log's line are there, and are what counts
catalogue | statement | a checkpoint's row is another text | audit:row
catalogue | statement | a gap is covered | audit:row recover
catalogue | statement | what is archived is said to be destroyed | audit:row recover
catalogue | statement | a job is said to be done | audit:row recover
catalogue | statement | a total is changed | audit:row recover
catalogue | statement | a total is deleted | audit:row recover
catalogue | statement | a recipient is added | audit:row recover
catalogue | statement | a key is said to be sealed to another | audit:row recover
catalogue | statement | the vault's time is 2034 | doctor | nothing is destroyed by that row
catalogue | statement | lock mode is taken back | audit:row
catalogue | statement | a trigger swallows holds | audit=4 verify=4 recover doctor scrub=4 list=4 destroy=4
catalogue | statement | a trigger hides entries | audit=4 verify=4 recover doctor scrub=4 list=4 destroy=4
catalogue | statement | a view is made | audit=4 verify=4 recover doctor scrub=4 list=4 destroy=4
catalogue | statement | an index lets no hold be placed again | audit=4 verify=4 recover doctor scrub=4 list=4 destroy=4
files | change | a payload is removed | audit:missing verify recover alone:missing scrub
files | change | a key file is removed | audit:missing verify recover alone:missing scrub
files | change | a manifest is removed | audit:missing verify recover alone:missing scrub
files | change | a certificate is removed | audit:missing recover alone:missing
files | change | a tombstone is removed | audit:missing recover alone:missing
files | change | a checkpoint is removed | audit:checkpoint recover alone:missing
files | change | a payload is changed | audit:payload verify recover alone:sealed scrub
files | change | a key file is changed | audit:key verify recover alone:key scrub
files | change | a manifest is changed | audit:manifest verify recover alone:manifest scrub
files | change | a certificate is signed by another | audit:certificate recover alone:certificate
files | change | a checkpoint is changed | audit:signature recover alone:signature doctor
files | change | a file lies among the archives | audit:stray recover alone:stray
files | change | files of a destroyed archive come back | audit:not-destroyed alone:not-destroyed
files | change | an archive is removed with its rows | audit:row verify recover alone:missing scrub
files | name | a payload is another's | audit:payload verify recover alone:sealed scrub
files | name | a key file is another's | audit:key verify recover alone:key scrub
files | name | a manifest is another's | audit:manifest verify recover alone:manifest scrub
files | name | an archive has another id | audit:missing verify recover alone:missing scrub
files | name | a payload lies in quarantine | audit:missing verify recover alone:missing scrub
files | name | a certificate names a living archive | audit:stray alone:stray
files | name | a tombstone is in a living archive's place | audit:manifest verify recover alone:manifest scrub
log | change | a line is changed | audit:chain recover alone:chain doctor scrub
log | change | a line is taken out | audit:sequence verify recover alone:sequence doctor scrub=4 destroy=4
log | change | two lines change places | audit:sequence recover alone:sequence doctor scrub
log | change | the last lines are cut off | audit:cut recover alone:cut doctor
log | change | half of the last line is cut off | audit:line recover alone:line doctor
log | change | the file is emptied | audit:origin recover alone:origin doctor
log | change | an unsigned checkpoint | audit:signature alone:signature
log | change | a checkpoint of another key | audit:signature alone:signature
log | change | a checkpoint of another log | audit:origin recover alone:origin
log | change | an older checkpoint under a new name | audit:form alone:form
log | change | a checkpoint under another's name | audit:form recover alone:form
log | change | two histories of one length | audit:fork alone:fork
all | recomputed | a whole older copy is put in its place | audit:cut alone:cut
all | recomputed | a line is changed, chained anew | audit:root alone:root
all | recomputed | a hold is taken out, chained anew | audit:root recover alone:root
all | recomputed | a line is put in, chained anew | audit:root recover alone:root
all | recomputed | two lines change places, chained anew | audit:root alone:root
all | recomputed | the log is cut, rows too | audit:cut verify recover alone:cut doctor scrub
all | recomputed | all is made and signed anew with another key | audit:signature recover alone:signature
all | recomputed | all is made and signed anew with a stolen key | audit:fork recover alone:fork
all | recomputed | the log begins anew with a stolen key | audit:origin recover alone:origin
all | recomputed | a hold is released by appended lines | audit:row recover destroy=4
all | recomputed | an approval is given by appended lines | audit:approval
all | recomputed | a destruction is claimed by appended lines | audit:missing verify recover alone:missing scrub destroy
all | recomputed | a destruction is begun by appended lines | audit:row recover destroy=4
all | recomputed | an erasure in lock mode, by appended lines | audit:missing verify recover alone:missing scrub destroy
all | recomputed | a destruction of a time that has not come | audit:missing verify recover alone:missing scrub destroy
configuration | change | a period is made shorter | start=2
configuration | change | a period is made shorter, in rows too, and lock mode taken back | audit:row recover start=2
configuration | change | what is over is destroyed by itself | - | it is proposed; an approver must still sign
configuration | change | a recipient is added | start
configuration | change | another approver is named | start
configuration | change | another approver is named, and lines approve | audit:approval start
configuration | change | one person is enough | start
configuration | change | one approves alone, and all is put back | audit:approval start
configuration | change | lock mode is no longer asked for | - | what was turned on stays on
configuration | change | another key signs | audit:signature alone:signature
configuration | change | another organization is named | - | it stands on what is signed from now on
clock | clock | a clock of eight years later | propose=6
clock | clock | a clock of eight years later, and the vault's time | propose=6
clock | clock | a clock of eight years later, and no hold | audit:row recover doctor propose=6
people | name | a user of a namespace approves | - | it is refused: user numbers prove nothing there
people | name | a hold in another spelling | - | it catches what it means: names are compared after folding
people | name | a provider's address of one's own, and a clock of eight years later | propose=6
files | link | payload | audit:missing verify recover alone:missing doctor scrub
files | link | key file | audit:missing verify recover alone:missing doctor scrub
files | link | manifest | audit:missing verify recover alone:missing doctor scrub
files | link | certificate | audit:missing recover alone:missing doctor
files | link | checkpoint | audit:missing recover alone:missing doctor
files | link | log | audit:missing recover alone:missing doctor scrub destroy=4
files | link | catalogue | audit=4 verify=4 recover doctor scrub=4 list=4 destroy=4
files | link | folder archives | audit=4 verify=4 recover alone:link doctor scrub=4 list=4 destroy=4
files | link | folder log | audit=4 verify=4 recover alone:link doctor scrub=4 list=4 destroy=4
files | link | folder tmp | audit=4 verify=4 recover doctor scrub=4 list=4 destroy=4
files | pipe | payload | audit:missing verify recover alone:form doctor scrub
files | pipe | key file | audit:missing verify recover alone:form doctor scrub
files | pipe | certificate | audit:form recover alone:form doctor
files | pipe | log | audit:form recover alone:form doctor scrub destroy=4
"""
